"""How alike the beats of one recording are, part by part, and what is left without them.

A P wave that comes before every QRS adds up over the beats; fibrillation and noise do not. All of
it is the same for a trace of inverted polarity.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from pedecg.core import elementary

Values = NDArray[np.float64]

FEWEST = 4  # beats
BEFORE_S, AFTER_S = 0.36, 0.44  # of the R peak; cut shorter where the heart is fast
QRS_S = 0.07  # on either side
SHIFT_S = 0.04  # maximum alignment shift
NEIGHBOUR = 0.45, 0.55  # share of the RR interval before and after R that belongs to a beat
FIBRILLATION_HZ = 4.0, 9.0  # fibrillatory waves: 240 to 540 per minute
LIKE, UNLIKE = 0.9, 0.7  # correlation of a QRS with the median one
TALL = 0.7  # of the usual height: a beat, and no bump of the baseline


def similarity(
    signal_mv: Values, fs_hz: float, r_s: Values, early: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the measures of the beats; all NaN where they are too few.

    Parameters
    ----------
    signal_mv : shape (n_samples,), band-passed.
    r_s : shape (n_beats,), R peaks, seconds.
    early : shape (n_beats,), True where a beat came early.
    """
    usual = float(np.median(np.diff(r_s))) if len(r_s) > 1 else 0.8
    before = round(min(BEFORE_S, max(NEIGHBOUR[0] * usual, 0.15)) * fs_hz)
    after = round(min(AFTER_S, max(NEIGHBOUR[1] * usual, 0.15)) * fs_hz)
    shift = round(SHIFT_S * fs_hz)
    r = np.rint(r_s * fs_hz).astype(int)
    whole = (r - before - shift >= 0) & (r + after + shift < len(signal_mv))
    if whole.sum() < FEWEST:
        return dict.fromkeys(_NAMES, np.nan)
    reach = np.arange(-before, after + 1)
    qrs = np.abs(reach) <= QRS_S * fs_hz
    r = aligned(signal_mv, r[whole], reach[qrs], shift)
    beats = signal_mv[r[:, None] + reach]
    early = early[whole]
    return _measures(signal_mv, fs_hz, beats, r, reach, qrs, early)


def _level(rows: Values) -> Values:
    """Take away the straight line through the ends of each row: the baseline under a wave."""
    edge = max(1, rows.shape[1] // 10)
    first, last = rows[:, :edge].mean(axis=1), rows[:, -edge:].mean(axis=1)
    return np.asarray(rows - np.linspace(first, last, rows.shape[1], axis=1))


def _measures(
    signal_mv: Values, fs_hz: float, beats: Values, r: NDArray[np.int64],
    reach: NDArray[np.int64], qrs: NDArray[np.bool_], early: NDArray[np.bool_],
) -> dict[str, float]:  # fmt: skip
    edge = round(QRS_S * fs_hz)
    beats = beats - np.median(beats, axis=1, keepdims=True)
    typical = np.median(beats, axis=0)
    masks = {"p": reach < -edge, "qrs": qrs, "t": reach > edge}
    parts = {name: _level(beats[:, mask]) for name, mask in masks.items()}
    likeness = correlation(beats[:, qrs], typical[qrs])
    height = np.ptp(beats[:, qrs], axis=1)
    usual_height = float(np.median(height))
    odd = likeness < UNLIKE
    found = {
        f"{name}_common_power_fraction": _common_power(part[likeness >= UNLIKE])
        for name, part in parts.items()
    }
    means = {name: np.median(part[likeness >= UNLIKE], axis=0) if (~odd).any() else part[0]
             for name, part in parts.items()}  # fmt: skip
    found |= {
        f"{name}_to_qrs_amplitude": float(np.ptp(means[name]) / max(usual_height, 1e-6))
        for name in ("p", "t")
    }
    found["p_beat_correlation"] = float(np.median(_to_others(parts["p"])))
    found["t_beat_correlation"] = float(np.median(_to_others(parts["t"])))
    found |= _form(typical, means, reach, fs_hz, usual_height)
    tall = height > TALL * usual_height
    found |= {
        "qrs_correlation_median": float(np.median(likeness)),
        "qrs_correlation_p10": float(np.percentile(likeness, 10)),
        "qrs_low_correlation_fraction": float(odd.mean()),
        "qrs_low_correlation_high_amplitude_fraction": float((odd & tall).mean()),
        "qrs_reduced_correlation_fraction": float((likeness < LIKE).mean()),
        "qrs_low_correlation_beat_correlation": float(np.median(_to_others(beats[odd][:, qrs])))
        if odd.sum() > 1
        else 0.0,
        "qrs_premature_reduced_correlation_fraction": float((early & (likeness < LIKE)).mean()),
        "qrs_amplitude_mv": usual_height,
        "qrs_amplitude_cv": float(height.std() / max(usual_height, 1e-6)),
    }
    return found | _residual(signal_mv, fs_hz, typical, r, reach, usual_height)


def _form(
    typical: Values, means: dict[str, Values], reach: NDArray[np.int64], fs_hz: float, height: float
) -> dict[str, float]:
    """Return the form of the typical beat; positive is the way that its QRS points."""
    inner = typical[np.abs(reach) <= QRS_S * fs_hz]
    up, down = max(float(inner.max()), 0.0), max(float(-inner.min()), 0.0)
    sign = 1.0 if up >= down else -1.0
    slope = np.abs(np.diff(typical))
    near = np.abs(reach[1:]) <= 1.6 * QRS_S * fs_hz
    steep = np.flatnonzero(near & (slope > 0.15 * slope[near].max()))
    t, p = sign * means["t"], sign * means["p"]
    p_at = int(np.argmax(np.abs(p)))
    return {
        "qrs_biphasic_ratio": min(up, down) / max(up, down, 1e-6),
        "qrs_steep_duration_s": float(steep[-1] - steep[0]) / fs_hz if len(steep) else np.nan,
        "t_positive_to_qrs": float(t.max() / max(height, 1e-6)),
        "t_negative_to_qrs": float(-t.min() / max(height, 1e-6)),
        "t_peak_time_s": float(np.argmax(np.abs(t)) / fs_hz),
        "p_signed_to_qrs": float(p[p_at] / max(height, 1e-6)),
        "p_peak_before_qrs_s": float((len(p) - p_at) / fs_hz),
    }


def _residual(
    signal_mv: Values, fs_hz: float, typical: Values, r: NDArray[np.int64],
    reach: NDArray[np.int64], height: float,
) -> dict[str, float]:  # fmt: skip
    """Return the size and the rhythm of what is left when the typical beat is taken away."""
    left = signal_mv.copy()
    ends = np.append(r[1:] + reach[0], len(left))
    for peak, end in zip(r, ends, strict=True):
        last = min(peak + reach[-1] + 1, end) if end > peak else peak + reach[-1] + 1
        left[peak + reach[0] : last] -= typical[: last - peak - reach[0]]
    seconds = max(1, round(fs_hz))
    size = left[: len(left) // seconds * seconds].reshape(-1, seconds).std(axis=1)
    low, middle, high = np.percentile(size, [10, 50, 90]) / max(height, 1e-6)
    edge = round(QRS_S * fs_hz)
    for peak in r:  # what QRS leaves is not fibrillation
        left[max(0, peak - edge) : peak + edge] = 0
    hz, power = welch(left, fs_hz, nperseg=min(len(left), 4 * seconds))
    band, all_of_it = (hz >= FIBRILLATION_HZ[0]) & (hz <= FIBRILLATION_HZ[1]), (hz >= 1) & (hz < 30)
    total = max(power[all_of_it].sum(), 1e-12)
    share = power[all_of_it] / total
    return {
        "residual_sd_p10": float(low),
        "residual_sd_median": float(middle),
        "residual_sd_p90": float(high),
        "fibrillatory_power_fraction": float(power[band].sum() / total),
        "fibrillatory_power_peak_fraction": float(
            power[band].max() / max(power[band].sum(), 1e-12)
        ),
        "fibrillatory_rms_mv": float(np.sqrt(power[band].sum() * (hz[1] - hz[0]))),
        "residual_spectral_entropy": float(-(share * np.log(share + 1e-12)).sum()),
    }


def correlation(rows: Values, with_: Values) -> Values:
    """Return the correlation of each of (n, n_samples) with one of (n_samples,) or (n, ...)."""
    first = rows - rows.mean(axis=1, keepdims=True)
    second = np.atleast_2d(with_)
    second = second - second.mean(axis=1, keepdims=True)
    size = elementary.norm(first, axis=1) * elementary.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / np.maximum(size, 1e-9))


def _to_others(rows: Values) -> Values:
    """Return the correlation of each row with the mean of all others."""
    return correlation(rows, (rows.sum(axis=0) - rows) / max(len(rows) - 1, 1))


def _common_power(rows: Values) -> float:
    """Return the share of the rows' power that is common to them: 1 alike, about 0 by chance."""
    n = len(rows)
    if n < 2:
        return 0.0
    rows = rows - rows.mean(axis=1, keepdims=True)
    common = (rows.mean(axis=0) ** 2).sum() / max((rows**2).sum(axis=1).mean(), 1e-12)
    return float((n * common - 1) / (n - 1))


def aligned(
    signal_mv: Values, r: NDArray[np.int64], qrs: NDArray[np.int64], shift: int
) -> NDArray[np.int64]:
    """Move every peak, by `shift` samples at most, to where its QRS is most like the median one.

    Parameters
    ----------
    signal_mv : shape (n_samples,).
    r : shape (n_beats,), samples.
    qrs : samples of a QRS complex relative to its peak.

    Returns
    -------
    Shape (n_beats,), samples.
    """
    typical = np.median(signal_mv[r[:, None] + qrs], axis=0)
    moves = np.arange(-shift, shift + 1)
    likeness = np.stack([correlation(signal_mv[(r + m)[:, None] + qrs], typical) for m in moves])
    best = likeness.argmax(axis=0)
    sure = likeness[best, np.arange(len(r))] > UNLIKE
    return np.asarray(np.where(sure, r + moves[best], r))


_NAMES = (
    "p_common_power_fraction", "qrs_common_power_fraction", "t_common_power_fraction",
    "p_to_qrs_amplitude", "t_to_qrs_amplitude", "p_beat_correlation", "t_beat_correlation",
    "qrs_biphasic_ratio", "qrs_steep_duration_s", "t_positive_to_qrs", "t_negative_to_qrs",
    "t_peak_time_s", "p_signed_to_qrs", "p_peak_before_qrs_s", "qrs_correlation_median",
    "qrs_correlation_p10", "qrs_low_correlation_fraction",
    "qrs_low_correlation_high_amplitude_fraction", "qrs_reduced_correlation_fraction",
    "qrs_low_correlation_beat_correlation", "qrs_premature_reduced_correlation_fraction",
    "qrs_amplitude_mv", "qrs_amplitude_cv", "residual_sd_p10", "residual_sd_median",
    "residual_sd_p90", "fibrillatory_power_fraction", "fibrillatory_power_peak_fraction",
    "fibrillatory_rms_mv", "residual_spectral_entropy",
)  # fmt: skip
