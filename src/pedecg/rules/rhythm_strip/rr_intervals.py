"""The RR intervals of one recording in numbers: fibrillation, ectopy and pauses differ in them.

NeuroKit2's HRV gives five of them to 1e-14 (least, greatest, IQR, root mean square of changes,
SD1/SD2), but ``hrv_time`` alone takes 11 times as long as this module for all of its measures; its
pNN50 divides by the number of intervals, not of changes.
"""

import numpy as np
from numpy.typing import NDArray

from pedecg.core import elementary

Values = NDArray[np.float64]

FEWEST = 5  # intervals; fewer give no value
EARLY, LATE = 0.87, 1.08  # of the local median: an early beat, and the pause after it
LOCAL = 9  # intervals of which the local median is taken
WINDOW = 8  # intervals; irregular here and regular there is ectopy, irregular everywhere is AF
SAME_S = 0.03  # intervals that differ by less are alike in `_coefficient_of_entropy`
CELL_S = 0.04  # of the Lorenz plot
STEADY = 0.05, 0.1, 0.2  # change from one interval to the next, natural log


def intervals(rr: Values) -> dict[str, float]:
    """Return how RR intervals (seconds, in their order) vary; all NaN if they are too few.

    ``rr_window_cv_*`` are the least, the median and the greatest coefficient of variation among
    windows of eight intervals. ``rr_min``, ``rr_max``, ``rr_iqr``, ``rr_rmssd``,
    ``rr_mean_absolute_change``, ``rr_inlier_cv`` and ``rr_local_median_change`` are relative to
    the median interval.
    ``lorenz_*`` are of the plot of each change against the change before: Sarkar S et al. IEEE
    Trans Biomed Eng 2008;55:1219-1224.

    Parameters
    ----------
    rr : shape (n_intervals,), s.
    """
    if len(rr) < FEWEST:
        return dict.fromkeys(_measures(np.linspace(0.8, 1.0, FEWEST)), np.nan)
    return _measures(rr)


def _measures(rr: Values) -> dict[str, float]:
    usual = float(np.median(rr))
    change, ratio = np.diff(rr), np.abs(np.diff(np.log(rr)))
    local = local_median(rr)
    relative = rr / local
    pairs = (relative[:-1] < EARLY) & (relative[1:] > LATE)
    inside = (relative > EARLY) & (relative < 1 / EARLY)
    windows = np.lib.stride_tricks.sliding_window_view(rr, min(WINDOW, len(rr)))
    varies = np.sort(windows.std(axis=1) / windows.mean(axis=1))
    speed = 60 / np.lib.stride_tricks.sliding_window_view(rr, FEWEST).mean(axis=1)
    across, along = (rr[1:] - rr[:-1]).std(), (rr[1:] + rr[:-1]).std()
    both = np.abs(change) < CELL_S
    cells = np.rint(change / CELL_S).astype(int)
    occupied = len({*zip(cells[1:].tolist(), cells[:-1].tolist(), strict=True)})
    return {
        "rr_count": float(len(rr)),
        "rate_min_bpm": float(speed.min()),
        "rate_max_bpm": float(speed.max()),
        "rr_min": float(rr.min() / usual),
        "rr_max": float(rr.max() / usual),
        "rr_iqr": float(np.subtract(*np.percentile(rr, [75, 25])) / usual),
        "rr_window_cv_min": float(varies[0]),
        "rr_window_cv_median": float(np.median(varies)),
        "rr_window_cv_max": float(varies[-1]),
        "rr_mean_absolute_change": float(np.abs(change).mean() / usual),
        "rr_rmssd": float(np.sqrt((change**2).mean()) / usual),
        **{
            f"rr_change_below_{round(100 * one)}pct_fraction": float((ratio < one).mean())
            for one in STEADY
        },
        "rr_pnn50": float((np.abs(change) > 0.05).mean()),
        "rr_longest_regular_run_fraction": _longest(ratio < STEADY[1]) / len(ratio),
        "rr_short_long_pair_fraction": float(pairs.mean()),
        "rr_outlier_fraction": float(1 - inside.mean()),
        "rr_inlier_cv": float(rr[inside].std() / usual),
        "rr_autocorrelation_lag2": _correlation(rr, 2),
        "rr_sd1_sd2": float(across / max(along, 1e-9)),
        "rr_cosen": _coefficient_of_entropy(rr),
        "rr_local_median_change": float(np.abs(np.diff(local)).sum() / usual / len(rr)),
        "lorenz_occupied_cell_fraction": occupied / max(len(cells) - 1, 1),
        "lorenz_origin_fraction": float((both[1:] & both[:-1]).mean()),
        "lorenz_af_evidence": occupied
        - float((both[1:] & both[:-1]).sum())
        - 2 * float(pairs.sum()),
    }


def local_median(rr: Values) -> Values:
    """Return the median of the intervals around each, shape (n,), at the ends of fewer."""
    half = LOCAL // 2
    return np.array([np.median(rr[max(0, i - half) : i + half + 1]) for i in range(len(rr))])


def _longest(steady: NDArray[np.bool_]) -> float:
    ends = np.flatnonzero(np.concatenate([[True], ~steady, [True]]))
    return float(np.diff(ends).max() - 1)


def _correlation(rr: Values, lag: int) -> float:
    first, second = rr[lag:], rr[:-lag]
    if len(first) < 3 or first.std() < 1e-9 or second.std() < 1e-9:
        return 0.0
    return elementary.correlation(first, second)


def _coefficient_of_entropy(rr: Values) -> float:
    """Return CoSEn with templates of one interval, which needs few beats.

    Lake DE, Moorman JR. Am J Physiol Heart Circ Physiol 2011;300:H319-H325.
    """
    near = np.abs(rr[:, None] - rr) <= SAME_S
    pairs = np.triu(near[:-1, :-1], 1)
    followed = pairs & near[1:, 1:]
    entropy = -np.log((followed.sum() + 0.5) / (pairs.sum() + 1.0))
    return float(entropy - np.log(2 * SAME_S) - np.log(rr.mean()))
