"""How much of one recording is heart and how much noise, without regard to its meaning."""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d
from scipy.signal import find_peaks, welch
from scipy.stats import kurtosis, skew

from pedecg.signals import filters

Values = NDArray[np.float64]

# Edges of bands: P and T, fibrillatory waves, QRS, its edges, muscle.
BANDS_HZ = (0.5, 4.0, 9.0, 15.0, 25.0, 40.0)
BAND_NAMES = [f"power_{a:g}_{b:g}_hz_fraction" for a, b in itertools.pairwise(BANDS_HZ)]
QRS_HZ = 8.0, 20.0  # band with much of QRS and little of P, T and muscle
REFRACTORY_S = 0.2  # 300 bpm; no ventricle beats faster
TOGETHER_S = 0.1  # two detectors mean the same beat
WINDOW_S = 5.0  # long enough for several beats at any rate
LOUD, LOUD_S = 2.0, 1.5  # times the usual range, over a segment that holds one beat at 40 bpm


def noise(signal_mv: Values, fs_hz: float, r_s: Values) -> dict[str, float]:
    """Return spectrum, distribution and steadiness of the trace, and whether two detectors agree.

    Parameters
    ----------
    signal_mv : shape (n_samples,), band-passed.
    r_s : shape (n_beats,), the R peaks that were found, seconds.

    Notes
    -----
    ``bsqi``: Li Q, Mark RG, Clifford GD. Physiol Meas 2008;29:15-32. ``hjorth_mobility``
    and ``hjorth_complexity`` are Hjorth's (1970).
    """
    second = max(1, round(fs_hz))
    n = len(signal_mv) // second
    ranges = np.ptp(signal_mv[: n * second].reshape(n, second), axis=1) if n else np.zeros(1)
    low, middle, high = np.maximum(np.percentile(ranges, [5, 50, 95]), 1e-6)
    hz, power = welch(signal_mv, fs_hz, nperseg=min(len(signal_mv), 4 * second))
    inside = (hz >= BANDS_HZ[0]) & (hz <= BANDS_HZ[-1])
    share = power[inside] / max(power[inside].sum(), 1e-12)
    bands = [float(share[(hz[inside] >= a) & (hz[inside] < b)].sum())
             for a, b in itertools.pairwise(BANDS_HZ)]  # fmt: skip
    slope, bend = np.diff(signal_mv), np.diff(signal_mv, 2)
    spread, slopes, bends = (max(float(x.std()), 1e-9) for x in (signal_mv, slope, bend))
    parts = np.array_split(signal_mv, max(1, round(len(signal_mv) / fs_hz / WINDOW_S)))
    peaked = np.array([kurtosis(part) if part.std() > 0 else 0.0 for part in parts])
    gaps = np.diff(np.concatenate([[0.0], r_s, [len(signal_mv) / fs_hz]]))
    return {
        "length_s": len(signal_mv) / fs_hz,
        "range_median_mv": float(middle),
        "range_p5_to_median": float(low / middle),
        "range_p95_to_median": float(high / middle),
        "kurtosis": float(np.median(peaked)),
        "kurtosis_min": float(peaked.min()),
        "skewness": abs(float(skew(signal_mv))) if spread > 1e-9 else 0.0,
        **dict(zip(BAND_NAMES, bands, strict=True)),
        "spectral_entropy": float(-(share * np.log(share + 1e-12)).sum()),
        "hjorth_mobility": slopes / spread,
        "hjorth_complexity": (bends / slopes) / (slopes / spread),
        "zero_crossing_fraction": float((np.diff(np.sign(signal_mv)) != 0).mean()),
        "longest_gap_s": float(gaps.max()),
        **_agreement(r_s, qrs_band_peaks(signal_mv, fs_hz)),
    }


def quiet(signal_mv: Values, fs_hz: float, at_s: Values) -> NDArray[np.bool_]:
    """Return which of some times lie in a quiet part of the trace, shape (n,).

    Loud is a second and a half whose range is more than `LOUD` times the usual: a hand that moved.
    """
    reach = max(1, round(LOUD_S * fs_hz))
    high = maximum_filter1d(signal_mv, reach)
    low = minimum_filter1d(signal_mv, reach)
    ranges = high - low
    loud = ranges > LOUD * np.median(ranges)
    at = np.clip(np.rint(at_s * fs_hz).astype(int), 0, len(signal_mv) - 1)
    return np.asarray(~loud[at])


def qrs_band_peaks(signal_mv: Values, fs_hz: float) -> Values:
    """Return times of peaks of the power in the band of QRS: a second, plain detector, seconds.

    Parameters
    ----------
    signal_mv : shape (n_samples,), mV.

    Returns
    -------
    Shape (n_peaks,), s.
    """
    high = min(QRS_HZ[1], 0.45 * fs_hz)
    band = filters.butterworth(2, (QRS_HZ[0], high), "bandpass", fs_hz)
    inside = filters.zero_phase(band, signal_mv)
    power = uniform_filter1d(np.square(inside), max(1, round(0.1 * fs_hz)))
    usual = np.percentile(power, 98)
    peaks, _ = find_peaks(power, height=0.25 * usual, distance=max(1, round(REFRACTORY_S * fs_hz)))
    return np.asarray(peaks / fs_hz)


def _agreement(first: Values, second: Values) -> dict[str, float]:
    if not len(first) or not len(second):
        return {"bsqi": 0.0, "detector_count_ratio": 0.0}
    near = np.abs(first[:, None] - second) <= TOGETHER_S
    both = min(near.any(axis=1).sum(), near.any(axis=0).sum())
    return {
        "bsqi": float(both / (len(first) + len(second) - both)),
        "detector_count_ratio": float(len(second) / len(first)),
    }
