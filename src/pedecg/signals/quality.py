"""How good the raw leads of a record are, and whether they can be used at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core.params import Section


class LeadLimits(Section):
    """From where on a lead is flawed."""

    saturation_mv: float = Field(
        gt=0,
        le=100,
        description="deviation from the lead's median above any QRS, mV: saturation or a loose "
        "electrode",
    )
    max_saturated_fraction: float = Field(
        ge=0,
        le=1,
        description=(
            "fraction of saturated samples above which a lead is masked; a lead with "
            "fewer is used and flagged as partly saturated"
        ),
    )
    flat_mv: float = Field(
        ge=0,
        le=1,
        description="largest deviation from the lead's median below which it is flat, mV",
    )
    flat_s: float = Field(
        gt=0,
        le=10,
        description=(
            "shortest constant segment that counts as flat, s; even a quiet lead has "
            "noise between T and P"
        ),
    )
    max_flat_fraction: float = Field(
        ge=0, le=1, description="share of flat samples from which a lead is not used"
    )
    max_gap_s: float = Field(
        ge=0,
        le=10,
        description=(
            "longest gap without values that is interpolated, s; a longer one could hide "
            "a QRS, so the lead is masked"
        ),
    )
    max_gap_fraction: float = Field(
        ge=0, le=1, description="share of samples without values from which a lead is not used"
    )


@dataclass(frozen=True)
class LeadQuality:
    """Measures of a record's leads, each of shape (n_leads,); named as in `tables.QUALITY`."""

    usable: NDArray[np.bool_]
    flaw: NDArray[np.object_]  # None where there is none
    peak_mv: NDArray[np.float64]
    saturated_fraction: NDArray[np.float64]
    flat_fraction: NDArray[np.float64]
    nonfinite_fraction: NDArray[np.float64]
    psqi: NDArray[np.float64]
    bassqi: NDArray[np.float64]


CLIP_S = 0.02  # a plateau at the lead's own extreme is clipping from here on; no wave is so flat
_CLIP_SAMPLES = 3  # and at least so many samples, at low sampling rates


def lead_quality(signal_mv: NDArray[np.float32], fs_hz: float, limits: LeadLimits) -> LeadQuality:
    """Measure every lead of a raw record.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; NaN or infinite where there is no value.
    fs_hz : samples per second.

    Notes
    -----
    Flaws in order of precedence: ``not-finite``, ``flat`` and ``saturated`` make a lead unusable;
    ``partly-saturated`` (a few samples at the recorder's limit) does not.
    A lead without any value is ``not-finite``, and its peak, pSQI and basSQI are NaN.
    """
    finite = np.isfinite(signal_mv)
    empty = ~finite.any(axis=1)
    run = _run_lengths(signal_mv)
    median = _medians(signal_mv, finite)[:, None]
    signal = np.where(finite, signal_mv - median, 0)
    distance = np.abs(signal)
    peak_mv = np.where(empty, np.nan, distance.max(axis=1)).astype(np.float64)

    lowest, highest = signal.min(axis=1, keepdims=True), signal.max(axis=1, keepdims=True)
    at_extreme = ((signal == lowest) | (signal == highest)) & (signal != 0)
    clipped = at_extreme & (run >= max(CLIP_S * fs_hz, _CLIP_SAMPLES))
    saturated_fraction = (clipped | (distance >= limits.saturation_mv)).mean(axis=1)
    flat_fraction = ((run >= limits.flat_s * fs_hz) & ~clipped & finite).mean(axis=1)
    nonfinite_fraction = 1 - finite.mean(axis=1)
    gaps = np.zeros(len(signal), np.int64)
    if not finite.all():
        gaps = np.where(finite, 0, _run_lengths(finite)).max(axis=1)

    flaws = {
        "not-finite": empty
        | (nonfinite_fraction > limits.max_gap_fraction)
        | (gaps > limits.max_gap_s * fs_hz),
        "flat": (peak_mv < limits.flat_mv) | (flat_fraction > limits.max_flat_fraction),
        "saturated": saturated_fraction > limits.max_saturated_fraction,
        "partly-saturated": peak_mv >= limits.saturation_mv,
    }
    flaw = np.full(len(signal_mv), None, object)
    for name, found in reversed(flaws.items()):
        flaw[found] = name
    psqi, bassqi = spectral_quality(signal, fs_hz)
    return LeadQuality(
        usable=~(flaws["not-finite"] | flaws["flat"] | flaws["saturated"]),
        flaw=flaw,
        peak_mv=peak_mv,
        saturated_fraction=saturated_fraction,
        flat_fraction=flat_fraction,
        nonfinite_fraction=nonfinite_fraction,
        psqi=psqi,
        bassqi=bassqi,
    )


def spectral_quality(
    signal: NDArray[np.floating], fs_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pSQI and basSQI of every lead, both 0 to 1; NaN where the band holds no power.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), finite.

    Notes
    -----
    pSQI = power 5-15 Hz / 5-40 Hz: the QRS's share, low in noise. basSQI = 1 - power 0-1 Hz /
    0-40 Hz: low where the baseline wanders. Clifford GD et al. Physiol Meas 2012;33:1419-1433;
    after Li Q, Mark RG, Clifford GD. Physiol Meas 2008;29:15-32. The mean is left out.
    """
    hz = np.fft.rfftfreq(signal.shape[1], 1 / fs_hz)
    hz = hz[hz <= 40]
    found = np.fft.rfft(signal)[:, : len(hz)]
    power = np.square(found.real) + np.square(found.imag)  # np.abs rounds by the processor
    power[:, 0] = 0

    def between(low: float, high: float) -> NDArray[np.float64]:
        total: NDArray[np.float64] = power[:, (hz >= low) & (hz <= high)].sum(
            axis=1, dtype=np.float64
        )
        return total

    with np.errstate(invalid="ignore"):
        return between(5, 15) / between(5, 40), 1 - between(0, 1) / between(0, 40)


def _medians(signal: NDArray[np.floating], finite: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the median of every lead's finite samples, 0 where there is none.

    One sort of all leads is five times as fast as `numpy.nanmedian`, and as `numpy.median`.
    """
    ordered = np.sort(np.where(finite, signal, np.inf), axis=1)
    count = finite.sum(axis=1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2], axis=1)
    median = np.take_along_axis(ordered, middle, axis=1).mean(axis=1)
    return np.where(count > 0, median, 0)


def _run_lengths(signal: NDArray[Any]) -> NDArray[np.int64]:
    """Return for every sample the length of its lead's run of equal values that it lies in."""
    starts = np.ones(signal.shape, bool)
    starts[:, 1:] = signal[:, 1:] != signal[:, :-1]
    lengths = np.diff(np.flatnonzero(starts), append=signal.size)
    return np.repeat(lengths, lengths).reshape(signal.shape)
