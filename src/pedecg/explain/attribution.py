"""Attribution maps: Grad-CAM per lead and time, and integrated gradients.

Grad-CAM of a one-dimensional network has no axis of leads: its first convolution has already mixed
them. Its map over time is therefore multiplied, sample by sample, with the gradient of the logit
times what differs from the reference (the normal heart of that age, see `normal_beats`), as Guided
Grad-CAM does (Selvaraju RR et al. ICCV 2017) but with the plain gradient: guided back-propagation
hardly depends on the weights (Adebayo J et al. NeurIPS 2018). Only evidence for the target is
kept. Integrated gradients (Sundararajan M et al. ICML 2017) from the reference to the signal are
the second opinion. What a model that pools by attention looked at is a third map: where it looked,
not what for.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Saliency
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pedecg.core.errors import PedecgError
from pedecg.explain import gradcam_layers
from pedecg.explain.explain_settings import MapSettings
from pedecg.explain.signal_excerpt import Stretch
from pedecg.models.network_base import Batch

METHODS = ("grad_cam", "integrated_gradients")


class OfSignal(nn.Module):
    """A network as captum asks for it: a function of tensors whose first is the signal."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        signal: Tensor,
        lead_mask: Tensor,
        length: Tensor,
        age_days: Tensor,
        sex: Tensor,
        features: Tensor,
    ) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        logits: Tensor = self.network(Batch(signal, lead_mask, length, age_days, sex, features))
        return logits


def explain(
    networks: Sequence[nn.Module],
    stretch: Stretch,
    target: int,
    settings: MapSettings,
    methods: Sequence[str] = METHODS,
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of `each`'s maps by method, shape (n_leads, n_samples)."""
    found = each(networks, stretch, target, settings, methods)
    return {method: average(maps) for method, maps in found.items()}


def each(
    networks: Sequence[nn.Module],
    stretch: Stretch,
    target: int,
    settings: MapSettings,
    methods: Sequence[str] = METHODS,
) -> dict[str, list[NDArray[np.float64]]]:
    """Return every network's map by method, its sum 1 (0: empty); overlapping windows average.

    Parameters
    ----------
    networks : trainings of one model, in evaluation mode, on the CPU.
    target : number of the output.

    Returns
    -------
    Method -> a map of shape (n_leads, n_samples) for each network.
    """
    batch = stretch.batch()
    return {
        method: [
            whole(stretch.together(_METHODS[method](network, batch, target, stretch, settings)))
            for network in networks
        ]
        for method in methods
    }


def average(maps: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of several maps, its sum 1, or 0 where all are empty.

    Parameters
    ----------
    maps : each of shape (n_leads, n_samples).

    Returns
    -------
    Shape (n_leads, n_samples).
    """
    return whole(np.mean(maps, axis=0))


def whole(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values whose sum is 1; all zero stays so.

    Parameters
    ----------
    values : any shape, ≥ 0.

    Returns
    -------
    The same shape.
    """
    total = values.sum()
    return values / total if total > 0 else values


def over_time(network: nn.Module, layer: nn.Module, batch: Batch, target: int) -> Tensor:
    """Return Grad-CAM's map, at least zero, at the signal's samples, shape (B, n_samples)."""
    with _quiet():
        cam = LayerGradCam(OfSignal(network), layer).attribute(
            batch.signal,
            target,
            additional_forward_args=_others(batch),
            relu_attributions=True,
        )
    n_samples = batch.signal.shape[-1]
    steps = cam.shape[-1]
    stride = round(n_samples / steps)
    # Step i of a strided layer is centred on sample i * stride: no other stretching keeps time.
    fine = functional.interpolate(
        cam, size=(steps - 1) * stride + 1, mode="linear", align_corners=True
    )
    fine = functional.pad(fine, (0, max(0, n_samples - fine.shape[-1])), mode="replicate")
    return fine[:, 0, :n_samples].detach()


def _grad_cam(
    network: nn.Module, batch: Batch, target: int, stretch: Stretch, settings: MapSettings
) -> Tensor:
    layer = gradcam_layers.choose(network, batch, stretch.fs_hz, settings.min_hz)
    with _quiet():
        gradient = Saliency(OfSignal(network)).attribute(
            batch.signal, target, abs=False, additional_forward_args=_others(batch)
        )
    local = gradient * stretch.differences()
    time = over_time(network, layer, batch, target).unsqueeze(1)
    return time * _speaks_for(local, stretch.fs_hz, settings)


def _integrated_gradients(
    network: nn.Module, batch: Batch, target: int, stretch: Stretch, settings: MapSettings
) -> Tensor:
    with _quiet():
        local = IntegratedGradients(OfSignal(network)).attribute(
            batch.signal,
            stretch.batch(stretch.reference).signal,
            target,
            additional_forward_args=_others(batch),
            n_steps=settings.ig_steps,
            method="riemann_middle",
            internal_batch_size=len(batch.signal) * 8,  # memory only
        )
    return _speaks_for(local, stretch.fs_hz, settings)


def _attention(
    network: nn.Module, batch: Batch, target: int, stretch: Stretch, settings: MapSettings
) -> Tensor:
    """Lay the weight of each step over its samples; it is the same for every target."""
    weigh = getattr(network, "attention", None)
    if weigh is None or getattr(network, "weigh", None) is None:
        raise PedecgError(
            "explain.map attention: the model does not pool by attention; explain one with "
            "pooling: attention"
        )
    with torch.no_grad():
        weights: Tensor = weigh(batch)
    n_samples = batch.signal.shape[-1]
    width = -(-n_samples // weights.shape[1])
    over = weights.repeat_interleave(width, dim=1)[:, None, :n_samples]
    return over.expand(-1, batch.signal.shape[1], -1)


_METHODS: dict[str, Callable[[nn.Module, Batch, int, Stretch, MapSettings], Tensor]] = {
    "grad_cam": _grad_cam,
    "integrated_gradients": _integrated_gradients,
    "attention": _attention,
}


def _speaks_for(local: Tensor, fs_hz: float, settings: MapSettings) -> Tensor:
    """Average over a short time, then keep what raises the logit.

    Single samples of a gradient change sign from one to the next; what they say together counts.
    """
    reach = 2 * (round(settings.smooth_s * fs_hz) // 2) + 1
    mean = functional.avg_pool1d(
        local.detach(), reach, stride=1, padding=reach // 2, count_include_pad=False
    )
    return mean.clamp_min(0)


def _others(batch: Batch) -> tuple[Tensor, ...]:
    return batch.lead_mask, batch.length, batch.age_days, batch.sex, batch.features


class _quiet(warnings.catch_warnings):  # noqa: N801 - used as a function
    """Captum warns each time that it switches the gradient of the input on, which is its task."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", message="Input Tensor 0 did not already require")
