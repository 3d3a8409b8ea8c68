"""How good one raw lead is, and whether it can be used at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pedecg.params import Section


class LeadLimits(Section):
    """From where on a lead is flawed."""

    rail_mv: float = Field(
        gt=0, le=100, description="deviation from the lead's median that no heart makes, mV"
    )
    max_rail_fraction: float = Field(
        ge=0, le=1, description="share of samples at the rail from which a lead is not used"
    )
    flat_mv: float = Field(
        ge=0, le=1, description="largest deviation below which a lead is flat, mV"
    )
    flat_s: float = Field(
        gt=0, le=10, description="shortest stretch without any change that counts as flat, s"
    )
    max_flat_fraction: float = Field(
        ge=0, le=1, description="share of flat samples from which a lead is not used"
    )
    max_gap_s: float = Field(
        ge=0, le=10, description="longest gap without values that may be bridged, s"
    )
    max_gap_fraction: float = Field(
        ge=0, le=1, description="share of samples without values from which a lead is not used"
    )


@dataclass(frozen=True)
class LeadQuality:
    """Measures of one lead; the names are columns of `tables.QUALITY`."""

    usable: bool
    flaw: str | None
    peak_mv: float
    rail_fraction: float
    flat_fraction: float
    nonfinite_fraction: float
    psqi: float
    bassqi: float


CLIP_S = 0.02  # a plateau at the lead's own extreme is clipping from here on; no wave is so flat
_CLIP_SAMPLES = 3  # and at least so many samples, at low sampling rates


def lead_quality(signal_mv: NDArray[np.float32], fs_hz: float, limits: LeadLimits) -> LeadQuality:
    """Measure one raw lead.

    Parameters
    ----------
    signal_mv : shape (n_samples,), millivolts; NaN or infinite where there is no value.
    fs_hz : samples per second.

    Notes
    -----
    Flaws in the order in which they are told: ``not-finite``, ``flat``, ``saturated`` make a lead
    unusable; ``railed`` (beyond the rail for a moment) does not: the rest of the lead is sound.
    """
    finite = np.isfinite(signal_mv)
    nonfinite_fraction = 1 - float(finite.mean())
    if not finite.any():
        nan = float("nan")
        return LeadQuality(False, "not-finite", nan, 0.0, 0.0, 1.0, nan, nan)
    median = np.median(signal_mv[finite])
    signal = np.where(finite, signal_mv, median) - median
    run = _run_lengths(np.where(finite, signal_mv, np.nan))
    peak_mv = float(np.abs(signal).max())

    at_extreme = (signal == signal.max()) | (signal == signal.min())
    clipped = at_extreme & (signal != 0) & (run >= max(CLIP_S * fs_hz, _CLIP_SAMPLES))
    rail_fraction = float((clipped | (np.abs(signal) >= limits.rail_mv)).mean())
    flat_fraction = float(((run >= limits.flat_s * fs_hz) & ~clipped & finite).mean())

    flaws = {
        "not-finite": nonfinite_fraction > limits.max_gap_fraction
        or _longest(~finite) > limits.max_gap_s * fs_hz,
        "flat": peak_mv < limits.flat_mv or flat_fraction > limits.max_flat_fraction,
        "saturated": rail_fraction > limits.max_rail_fraction,
        "railed": peak_mv >= limits.rail_mv,
    }
    flaw = next((name for name, found in flaws.items() if found), None)
    psqi, bassqi = spectral_quality(signal, fs_hz)
    return LeadQuality(
        usable=flaw in {None, "railed"},
        flaw=flaw,
        peak_mv=peak_mv,
        rail_fraction=rail_fraction,
        flat_fraction=flat_fraction,
        nonfinite_fraction=nonfinite_fraction,
        psqi=psqi,
        bassqi=bassqi,
    )


def spectral_quality(signal: NDArray[np.floating], fs_hz: float) -> tuple[float, float]:
    """Return pSQI and basSQI, both 0 to 1; NaN where the band holds no power.

    Parameters
    ----------
    signal : shape (n_samples,), finite.

    Notes
    -----
    pSQI = power 5-15 Hz / 5-40 Hz: the QRS's share, low in noise. basSQI = 1 - power 0-1 Hz /
    0-40 Hz: low where the baseline wanders. Clifford GD et al. Physiol Meas 2012;33:1419-1433;
    after Li Q, Mark RG, Clifford GD. Physiol Meas 2008;29:15-32. The mean is taken out first.
    """
    power = np.abs(np.fft.rfft(signal - signal.mean())) ** 2
    hz = np.fft.rfftfreq(len(signal), 1 / fs_hz)

    def between(low: float, high: float) -> float:
        return float(power[(hz >= low) & (hz <= high)].sum())

    qrs, whole, wander, all_of_it = between(5, 15), between(5, 40), between(0, 1), between(0, 40)
    return (
        qrs / whole if whole > 0 else float("nan"),
        1 - wander / all_of_it if all_of_it > 0 else float("nan"),
    )


def _run_lengths(signal: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return for every sample the length of the run of equal values that it lies in."""
    starts = np.flatnonzero(np.diff(signal, prepend=np.nan) != 0)
    lengths = np.diff(starts, append=len(signal))
    return np.repeat(lengths, lengths)


def _longest(marked: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of marked samples."""
    if not marked.any():
        return 0
    return int(_run_lengths(marked.astype(np.float32))[marked].max())
