"""Steps from a raw ECG to a calibrated probability, without state, for `run.py`.

The same arithmetic as `pedecg` does it, without its tables and settings. Needs numpy and scipy.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

WINDOWS_AT_ONCE = 64  # memory only
EDGE = 1e-7  # calibration: probabilities nearer to 0 or 1 are as near as this
ORDER = 1e-6  # share of the raw probability in an isotonic one
AT_THRESHOLD = 0.0005  # probabilities are shown with three decimals: closer ones look equal
SURE = 1e-4  # fusion: a side that is nearer to 0 or 1 counts as if it were this near
CLIP_S, CLIP_SAMPLES = 0.02, 3  # a plateau at a lead's own extreme is clipping from here on

Floats = NDArray[np.float64]


def usable(
    signal: NDArray[np.float32], fs_hz: float, limits: dict[str, float]
) -> NDArray[np.bool_]:
    """Return which leads are usable: not flat, not saturated, without long gaps; shape (n_leads,).

    The same limits and arithmetic as `pedecg.signals.quality.lead_quality`.
    """
    finite = np.isfinite(signal)
    run = _run_lengths(signal)
    rows = zip(signal, finite, strict=True)
    median = [np.median(row[known]) if known.any() else 0 for row, known in rows]
    centred = np.where(finite, signal - np.array(median, np.float32)[:, None], 0)
    distance = np.abs(centred)
    lowest, highest = centred.min(axis=1, keepdims=True), centred.max(axis=1, keepdims=True)
    extreme = ((centred == lowest) | (centred == highest)) & (centred != 0)
    clipped = extreme & (run >= max(CLIP_S * fs_hz, CLIP_SAMPLES))
    saturated = (clipped | (distance >= limits["saturation_mv"])).mean(axis=1)
    flat = ((run >= limits["flat_s"] * fs_hz) & ~clipped & finite).mean(axis=1)
    gaps = np.where(finite, 0, _run_lengths(finite)).max(axis=1)
    return np.asarray(
        finite.any(axis=1)
        & (1 - finite.mean(axis=1) <= limits["max_gap_fraction"])
        & (gaps <= limits["max_gap_s"] * fs_hz)
        & (distance.max(axis=1) >= limits["flat_mv"])
        & (flat <= limits["max_flat_fraction"])
        & (saturated <= limits["max_saturated_fraction"])
    )


def swing_mv(counts: NDArray[np.int16], mask: NDArray[np.bool_]) -> float:
    """Return the median over the leads of each one's peak-to-peak value, mV.

    Parameters
    ----------
    counts : filtered microvolts, shape (n_leads, n_samples), at least one sample.
    mask : the leads that are there; at least one.
    """
    used = counts[mask].astype(np.int64)
    return float(np.median(used.max(axis=1) - used.min(axis=1))) / 1000


def middle(signal: Floats, n_samples: int) -> Floats:
    """Return the middle of a signal, or a shorter one in the middle of zeros.

    Parameters
    ----------
    signal : shape (n_leads, any number of samples).

    Returns
    -------
    Shape (n_leads, n_samples).
    """
    extra = signal.shape[1] - n_samples
    if extra >= 0:
        return signal[:, extra // 2 : extra // 2 + n_samples]
    before = -extra // 2
    return np.pad(signal, ((0, 0), (before, -extra - before)))


def _run_lengths(signal: NDArray[Any]) -> NDArray[np.int64]:
    """Return for every sample how many equal ones in a row it belongs to."""
    starts = np.ones(signal.shape, bool)
    starts[:, 1:] = signal[:, 1:] != signal[:, :-1]
    lengths = np.diff(np.flatnonzero(starts), append=signal.size)
    return np.repeat(lengths, lengths).reshape(signal.shape)


def cut(signal: NDArray[np.float32], crop: int, overlap: float) -> Iterator[NDArray[np.float32]]:
    """Yield windows of shape (B, n_leads, crop) that cover a signal, padded where it is shorter."""
    n_samples = signal.shape[1]
    room = max(n_samples - crop, 0)
    hop = max(1, round(crop * (1 - overlap)))
    starts = np.linspace(0, room, -(-room // hop) + 1).round().astype(np.int64)
    padded = np.pad(signal, ((0, 0), (0, max(crop - n_samples, 0))))
    for first in range(0, len(starts), WINDOWS_AT_ONCE):
        some = starts[first : first + WINDOWS_AT_ONCE]
        yield np.stack([padded[:, at : at + crop] for at in some])


def corrected(p: float, method: str, parameters: dict[str, list[float]]) -> float:
    """Return a calibrated probability; see `pedecg.evaluation.calibration`."""
    if method == "none":
        return p
    if method == "isotonic":
        steps = np.interp(p, parameters["raw"], parameters["calibrated"])
        return float((1 - ORDER) * steps + ORDER * p)
    if method in ("temperature", "platt"):
        logit = special.logit(np.clip(p, EDGE, 1 - EDGE))
        return float(special.expit(parameters["slope"][0] * logit + parameters["intercept"][0]))
    raise ValueError(f"calibration.json: unknown method {method!r}")


def combined(node: Any, answers: Mapping[str, Floats], targets: Sequence[str]) -> Floats:
    """Return the raw probabilities of a model that joins others, shape (n_targets,).

    Parameters
    ----------
    node : the file of a graph; or how the nodes of its ``of`` are joined: ``mean`` (of folds),
        ``fusion`` (see `pedecg.models.fusion`), or ``calibrated_mean`` (of an ensemble).
    answers : by file, probabilities of shape (n_targets,) in the order of `targets`.
    """
    if isinstance(node, str):
        return answers[node]
    each = np.stack([combined(one, answers, targets) for one in node["of"]])
    if node["combine"] == "fusion":
        return _fused(each, node)
    if node["combine"] == "calibrated_mean":
        each = np.array(
            [
                [
                    corrected(p, curves[target]["method"], curves[target]["parameters"])
                    for p, target in zip(row.tolist(), targets, strict=True)
                ]
                for row, curves in zip(each, node["curves"], strict=True)
            ]
        )
    return np.asarray(each.mean(axis=0))


def _fused(each: Floats, node: Mapping[str, Any]) -> Floats:
    p = np.clip(each, SURE, 1 - SURE)
    prior, bias = np.array(node["prior"]), np.array(node["bias"])
    evidence = (np.log(p) if node["exclusive"] else special.logit(p)) - prior
    z = prior + bias + (evidence * np.array(node["weights"])).sum(axis=0)
    return np.asarray(special.softmax(z) if node["exclusive"] else special.expit(z))


def at_threshold(p: float, cut: float | None) -> bool:
    """Return whether a probability equals its threshold within the rounding to three decimals."""
    return cut is not None and abs(p - cut) < AT_THRESHOLD
