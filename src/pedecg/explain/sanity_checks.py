"""Saliency sanity checks: weight randomisation and deletion.

Random weights must destroy it (Adebayo J et al. Sanity checks for saliency maps. NeurIPS 2018:
layer by layer from the output down), and deleting what it shows must cost more than deleting the
same amount at random (Petsiuk V et al. RISE. BMVC 2018).
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from pedecg.explain.beat_regions import REGIONS
from pedecg.explain.signal_excerpt import Stretch
from pedecg.models.network_base import Batch

DEPTHS = {"last": 0.0, "half": 0.5, "all": 1.0}  # of the layers, from above
RANDOM_DRAWS = 2  # deletions of random cells, averaged


def randomised(network: nn.Module, batch: Batch, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield copies with random weights in the layers from the output down to each of `DEPTHS`."""
    ordered = _layers(network, batch)
    for name, share in DEPTHS.items():
        changed = copy.deepcopy(network)
        inside = dict(changed.named_modules())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in ordered[: max(1, round(share * len(ordered)))]:
                _draw_anew(inside[layer])
        yield name, changed.eval().requires_grad_(False)


def _layers(network: nn.Module, batch: Batch) -> list[str]:
    """Return the names of the modules that own numbers, the last to run first."""
    names = {module: name for name, module in network.named_modules()}
    order: list[str] = []

    def note(module: nn.Module, *_: Any) -> None:
        if names[module] not in order:
            order.append(names[module])

    own = [m for m in network.modules() if any(True for _ in m.parameters(recurse=False))]
    handles = [module.register_forward_hook(note) for module in own]
    try:
        with torch.no_grad():
            network(batch)
    finally:
        for handle in handles:
            handle.remove()
    return order[::-1]


def _draw_anew(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if reset is not None:
        reset()
        return
    with torch.no_grad():  # a parameter of the module's own, such as an embedding of places
        for parameter in module.parameters(recurse=False):
            parameter.normal_(float(parameter.mean()), float(parameter.std(correction=0)) or 1.0)


def cells(attribution: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return the sum in each cell of `step` samples of one lead, shape (n_leads, n_cells)."""
    starts = np.arange(0, attribution.shape[1], step)
    return np.asarray(np.add.reduceat(attribution, starts, axis=1))


def rank_correlation(
    one: NDArray[np.float64], other: NDArray[np.float64], present: NDArray[np.bool_], step: int
) -> float:
    """Return Spearman's correlation of two maps over the cells of the leads that are present.

    Parameters
    ----------
    one, other : shape (n_leads, n_samples).
    present : shape (n_leads,).
    step : samples in a cell.
    """
    first, second = (cells(each, step)[present].ravel() for each in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0  # an empty map says nothing about the other
    return float(stats.spearmanr(first, second).statistic)


def restored(
    networks: Sequence[nn.Module], stretch: Stretch, target: int, region: NDArray[np.int64]
) -> dict[str, float]:
    """Return the decrease of the mean logit when a region of all beats becomes the normal beat.

    Parameters
    ----------
    region : shape (n_samples,), see `beat_regions.of_samples`.
    """
    whole = _logit(networks, stretch, stretch.signal, target)
    falls = {}
    for number, name in enumerate(REGIONS):
        inside = torch.from_numpy(region == number)
        changed = torch.where(inside, stretch.reference, stretch.signal)
        falls[name] = whole - _logit(networks, stretch, changed, target)
    return falls


def deletion(
    networks: Sequence[nn.Module],
    stretch: Stretch,
    target: int,
    maps: dict[str, NDArray[np.float64]],
    fractions: Sequence[float],
    step: int,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Return how far the mean logit falls when cells are deleted, by map, shape (n_fractions,).

    ``random`` deletes cells of the same size at random. A deleted cell is bridged by a straight
    line from its neighbours, since a jump to zero would itself be a finding.
    """
    present = np.asarray(stretch.lead_mask.numpy() > 0)
    n_cells = -(-stretch.n_samples // step)
    places = np.flatnonzero(np.repeat(present, n_cells))
    orders = {}
    for name, attribution in maps.items():
        height = cells(attribution, step).ravel()[places]
        tie = rng.permutation(len(places))  # where a map is empty, any cell is as good
        orders[name] = [places[np.lexsort((tie, -height))]]
    orders["random"] = [rng.permutation(places) for _ in range(RANDOM_DRAWS)]
    whole = _logit(networks, stretch, stretch.signal, target)
    return {
        name: np.mean(
            [
                [
                    whole - _logit(networks, stretch, _without(stretch, order, f, step), target)
                    for f in fractions
                ]
                for order in several
            ],
            axis=0,
        )
        for name, several in orders.items()
    }


def area(decrease: NDArray[np.float64], fractions: Sequence[float]) -> float:
    """Return the mean decrease of the logit over the deleted share, from nothing to the last.

    Parameters
    ----------
    decrease : shape (n_fractions,), that of the logit where that fraction is deleted.
    fractions : shares of the samples, rising.
    """
    x = np.array([0.0, *fractions])
    return float(np.trapezoid(np.array([0.0, *decrease]), x) / x[-1])


def _without(
    stretch: Stretch, order: NDArray[np.int64], fraction: float, step: int
) -> torch.Tensor:
    n_leads, n_samples = stretch.signal.shape
    n_cells = -(-n_samples // step)
    gone = np.zeros(n_leads * n_cells, np.bool_)
    gone[order[: round(fraction * len(order))]] = True
    mask = np.repeat(gone.reshape(n_leads, n_cells), step, axis=1)[:, :n_samples]
    signal = stretch.signal.numpy().copy()
    at = np.arange(n_samples)
    for lead in np.flatnonzero(mask.any(axis=1)):
        hole = mask[lead]
        kept = ~hole
        signal[lead, hole] = (
            np.interp(at[hole], at[kept], signal[lead, kept]) if kept.any() else 0.0
        )
    return torch.from_numpy(signal)


def _logit(
    networks: Sequence[nn.Module], stretch: Stretch, signal: torch.Tensor, target: int
) -> float:
    batch = stretch.batch(signal)
    with torch.inference_mode():
        logits = [float(network(batch)[:, target].mean()) for network in networks]
    return float(np.mean(logits))
