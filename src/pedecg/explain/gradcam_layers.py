"""Choice of the Grad-CAM layer: the deepest with sufficient resolution in time."""

from typing import Any

import torch
from torch import Tensor, nn

from pedecg.core.errors import PedecgError
from pedecg.models.network_base import Batch

ATTRIBUTE = "attribution_layer"  # a model may name its own: a module whose output is (B, C, T)


def choose(network: nn.Module, batch: Batch, fs_hz: float, min_hz: float) -> nn.Module:
    """Return the layer whose activations Grad-CAM weighs.

    A model says it by an attribute ``attribution_layer``. Otherwise it is the last module, in the
    order in which they run, that puts out (B, channels, time) with at least `min_hz` steps per
    second: deeper layers know more of what, and less of when. Which axis is time is found by
    asking a second time with half the signal.

    Parameters
    ----------
    batch : one window or more of a real record.

    Raises
    ------
    PedecgError
        No module has such an output.
    """
    named = getattr(network, ATTRIBUTE, None)
    if isinstance(named, nn.Module):
        return named
    whole, half = (_three_axes(network, one) for one in (batch, _first_half(batch)))
    n_samples = batch.signal.shape[-1]
    found = [
        module
        for module, (n_batch, channels, steps) in whole.items()
        if (n_batch, channels) == half.get(module, ())[:2]
        and half[module][2] < steps <= n_samples
        and steps * fs_hz / n_samples >= min_hz
    ]
    if not found:
        raise PedecgError(
            f"{type(network).__module__}: no layer puts out (records, channels, time) at "
            f"{min_hz:g} Hz or more; give the model an attribute {ATTRIBUTE}, or lower "
            "explain.min_hz"
        )
    return found[-1]


def _three_axes(network: nn.Module, batch: Batch) -> dict[nn.Module, tuple[int, ...]]:
    """Return the shape of every output that has three axes, by module, in running order."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, given: Any, output: Any) -> None:
        shapes.pop(module, None)
        passed_on = any(output is one for one in given)  # an option that is off: no layer
        if isinstance(output, Tensor) and output.ndim == 3 and not passed_on:
            shapes[module] = tuple(output.shape)

    handles = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.no_grad():
            network(batch)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def _first_half(batch: Batch) -> Batch:
    n_samples = batch.signal.shape[-1] // 2
    return Batch(
        signal=batch.signal[..., :n_samples],
        lead_mask=batch.lead_mask,
        length=batch.length.clamp_max(n_samples),
        age_days=batch.age_days,
        sex=batch.sex,
        features=batch.features,
    )
