"""Wave boundaries of one signal by slope thresholds (QRS) and the trapezium rule (P, T).

Plain signal processing with no adult limits in it: every search window is a share of the RR
interval, so that a T wave is looked for at 60 and at 220 beats per minute alike. Where a wave does
not stand out, its boundaries are NaN.

The trapezium rule finds where a wave returns to its foot: Vazquez-Seisdedos CR et al. New approach
for T-wave end detection on electrocardiogram. BioMed Eng OnLine 2011;10:77.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from pedecg.signals import filters
from pedecg.signals.wave_foot import foot

Signal = NDArray[np.float64]
Boundaries = NDArray[np.float64]
"""Shape (n_beats, 9): onset, peak, offset of P, then of QRS, then of T, in samples; NaN: absent."""

QRS_LOWPASS_HZ = 40.0  # keeps the slopes of QRS, smooths muscle noise
QRS_REACH_S = 0.14  # no QRS begins earlier before its R peak; it may end a third later after it
QRS_SLOPE = 0.11  # of the steepest slope of the complex: below it the QRS has not begun or is over
QRS_QUIET_S = 0.016  # how long it must stay below: notches are shorter
WAVE_LOWPASS_HZ = 14.0  # P and T, after the QRS complexes are cut out
T_PEAK_S = 0.5  # after QRS onset, times the square root of RR in seconds
T_PEAK_RR = ((0.30, 0.45), (0.68, 0.60))  # and at most this share of RR (s): later comes the next P
FAST_RR_S = 0.45  # at faster rates a single wave between two QRS may be P or T: no P
T_SMALLEST = 0.02  # of the QRS height, and at least the floor below
P_SMALLEST = 0.02  # of the QRS height, and at least the floor below
SMALLEST_MV = 0.015  # lower humps are noise
P_LONGEST_PR_S = 0.3  # no P is sought earlier before QRS
QRS_FOOT_S = 0.012  # what the thresholds leave of the QRS on either side
P_PEAK_S = 0.03  # P peaks at least so long before the QRS: nearer lies the foot of the QRS itself
P_HALF_S = 0.075  # a wave's foot lies no further from its peak
T_HALF_S = 0.15  # times the square root of the RR interval in seconds
P_STEADY_SHARE = 0.65  # of the beats at least
P_STEADY_S = 0.04  # a P wave keeps its distance to the QRS; fibrillation does not


def boundaries(signal_mv: Signal, fs_hz: float, r_peaks: NDArray[np.int64]) -> Boundaries:
    """Return the boundaries of every beat's P, QRS and T.

    Parameters
    ----------
    signal_mv : shape (n_samples,), millivolts, one lead or the magnitude of all.
    fs_hz : samples per second.
    r_peaks : shape (n_beats,), ascending sample numbers.
    """
    found = np.full((len(r_peaks), 9), np.nan)
    if len(r_peaks) < 2:
        return found
    rr = np.diff(r_peaks, append=2 * r_peaks[-1] - r_peaks[-2])
    rr = np.minimum(rr, 2 * np.median(rr))
    smooth = _lowpass(signal_mv, QRS_LOWPASS_HZ, fs_hz)
    qrs = _qrs(smooth, fs_hz, r_peaks)
    found[:, 3:6] = qrs
    low = _lowpass(_without_qrs(smooth, qrs, round(QRS_FOOT_S * fs_hz)), WAVE_LOWPASS_HZ, fs_hz)
    heights = np.array([np.ptp(smooth[int(a) : int(b) + 1]) for a, _, b in qrs])
    typical = float(np.median(heights))
    for i in range(len(r_peaks)):
        following = qrs[i + 1, 0] if i + 1 < len(r_peaks) else len(low) - 1
        found[i, 6:9] = _t_wave(low, fs_hz, qrs[i], following, rr[i], typical)
    for i in range(len(r_peaks)):
        before = found[i - 1, 8] if i else 0.0
        if np.isnan(before) and rr[i - 1] < FAST_RR_S * fs_hz:
            continue
        earliest = qrs[i - 1, 2] if np.isnan(before) else before
        found[i, 0:3] = _p_wave(low, fs_hz, qrs[i], earliest, typical)
    _drop_unsteady_p(found, fs_hz)
    return found


def _lowpass(signal: Signal, high_hz: float, fs_hz: float) -> Signal:
    low = filters.butterworth(2, min(high_hz, 0.45 * fs_hz), "lowpass", fs_hz)
    return filters.zero_phase(low, signal)


def _qrs(smooth: Signal, fs_hz: float, r_peaks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return onset, peak and offset of every QRS, shape (n_beats, 3), in samples."""
    slope = uniform_filter1d(np.abs(np.gradient(smooth)), max(1, round(0.012 * fs_hz)))
    quiet = max(2, round(QRS_QUIET_S * fs_hz))
    reach, near = round(QRS_REACH_S * fs_hz), round(0.05 * fs_hz)
    rows = []
    for i, r in enumerate(r_peaks):
        before = r_peaks[i - 1] if i else -r
        after = r_peaks[i + 1] if i + 1 < len(r_peaks) else 2 * len(slope) - r
        first = max(r - reach, (r + before) // 2, 0)
        last = min(r + 4 * reach // 3, (r + after) // 2, len(slope) - 1)
        steepest = slope[max(r - near, 0) : r + near + 1].max()
        floor = np.percentile(slope[first : last + 1], 20)
        limit = max(QRS_SLOPE * steepest, min(1.5 * floor, 0.2 * steepest))
        steep = slope > limit
        onset = r - _first_quiet(steep[first : r + 1][::-1], quiet)
        offset = r + _first_quiet(steep[r : last + 1], quiet)
        rows.append((onset, r, offset))
    return np.array(rows, np.float64)


def _first_quiet(steep: NDArray[np.bool_], length: int) -> int:
    """Return where the first unbroken quiet segment of this length begins, else the end."""
    loud = np.flatnonzero(np.concatenate([[True], steep, [True]]))
    gaps = np.diff(loud) - 1
    long = np.flatnonzero(gaps >= length)
    return int(loud[long[0]]) if len(long) else len(steep) - 1


def _without_qrs(smooth: Signal, qrs: NDArray[np.float64], foot: int) -> Signal:
    """Bridge every QRS and its feet by a straight line: nothing leaks into P and T."""
    bridged = smooth.copy()
    for first, _, last in qrs.astype(int):
        onset, offset = max(first - foot, 0), min(last + foot, len(smooth) - 1)
        bridged[onset : offset + 1] = np.linspace(smooth[onset], smooth[offset], offset - onset + 1)
    return bridged


def _t_wave(
    low: Signal, fs_hz: float, qrs: Signal, following: float, rr: float, height: float
) -> tuple[float, float, float]:
    onset, _, offset = qrs
    rr_s = rr / fs_hz
    first = int(offset + min(0.04, 0.08 * rr_s) * fs_hz)
    latest = min(T_PEAK_S * np.sqrt(rr_s), np.interp(rr_s, *T_PEAK_RR) * rr_s)
    last_peak = int(min(onset + latest * fs_hz, following - 2))
    end = int(min(onset + min(0.65 * np.sqrt(rr_s), 0.9 * rr_s) * fs_hz, following))
    if end - first < 5 or last_peak <= first:
        return (np.nan,) * 3
    next_rest = int(min(following, onset + rr, len(low) - 1))
    wave = _above_line(low, first, end, int(onset), next_rest)
    smallest = max(T_SMALLEST * height, SMALLEST_MV)
    peak = _most_prominent(wave, last_peak - first, smallest)
    if peak is None:
        return (np.nan,) * 3
    left, right = _feet(wave, peak, round(T_HALF_S * np.sqrt(rr_s) * fs_hz))
    return float(first + left), float(first + peak), float(first + right)


def _p_wave(
    low: Signal, fs_hz: float, qrs: Signal, earliest: float, height: float
) -> tuple[float, float, float]:
    onset = int(qrs[0])
    first = int(max(earliest, onset - P_LONGEST_PR_S * fs_hz, 0))
    if onset - first < 0.04 * fs_hz:
        return (np.nan,) * 3
    wave = low[first : onset + 1]  # as it is: a line drawn under the tail of T makes a wave of it
    peak = _most_prominent(
        wave, len(wave) - round(P_PEAK_S * fs_hz), max(P_SMALLEST * height, SMALLEST_MV)
    )
    if peak is None:
        return (np.nan,) * 3
    left, right = _feet(wave, peak, round(P_HALF_S * fs_hz))
    return float(first + left), float(first + peak), float(first + right)


def _above_line(low: Signal, first: int, last: int, start: int, stop: int) -> Signal:
    """Return the signal from first to last, less the line of rest between start and stop."""
    slope = (low[stop] - low[start]) / max(stop - start, 1)
    line = low[start] + slope * np.arange(first - start, last + 1 - start)
    above: Signal = low[first : last + 1] - line
    return above


def _most_prominent(wave: Signal, last_peak: int, smallest: float) -> int | None:
    """Return the up or down peak that stands out most, if by at least `smallest` mV."""
    best, best_prominence = None, smallest
    for sign in (1.0, -1.0):
        peaks, about = find_peaks(sign * wave, prominence=smallest)
        for peak, prominence in zip(peaks, about["prominences"], strict=True):
            if peak <= last_peak and prominence > best_prominence:
                best, best_prominence = int(peak), float(prominence)
    return best


def _feet(wave: Signal, peak: int, reach: int) -> tuple[int, int]:
    """Return where the wave leaves and regains its rest, at most `reach` from its peak."""
    upright = wave * np.sign(wave[peak] - 0.5 * (wave[0] + wave[-1]) or 1.0)
    right = peak + foot(upright[peak : peak + reach])
    left = peak - foot(upright[max(peak - reach, 0) : peak + 1][::-1])
    return left, right


def _drop_unsteady_p(found: Boundaries, fs_hz: float) -> None:
    """Remove (in place) P waves that do not keep the record's usual distance to the QRS."""
    distance = found[:, 3] - found[:, 1]
    seen = np.isfinite(distance)
    if not seen.any():
        return
    steady = seen & (np.abs(distance - np.median(distance[seen])) <= P_STEADY_S * fs_hz)
    if steady.sum() < P_STEADY_SHARE * len(found):
        steady[:] = False
    found[~steady, 0:3] = np.nan
