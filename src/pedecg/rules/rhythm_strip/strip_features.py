"""What a rhythm strip, a recording of one lead, tells beyond intervals and amplitudes.

For models of arrhythmia: how RR intervals vary, how alike the beats are, what is left without
them, which beats come early or look odd, how noisy the trace is, and how far all of it is from a
normal rhythm. Every number is there or NaN; none is a criterion.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.rules.beats import GLOBAL
from pedecg.rules.norms import Limits
from pedecg.rules.rhythm_strip import (
    abnormal_rhythm,
    beat_similarity,
    ectopy,
    rr_intervals,
    strip_noise,
)

PREFIX = "strip_"
FEWEST_QUIET = 8  # intervals
WIDE_S = 0.12  # a QRS that began in a ventricle
LONGEST_PR_S = 0.4  # a P further before QRS belongs to no conducted beat


def measure(
    waves: pd.DataFrame,
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    limits: Limits,
    age_days: float | None = None,
    sex: str | None = None,
) -> dict[str, float]:
    """Return ``strip_<measure>`` of one recording.

    Parameters
    ----------
    waves : its rows of `tables.WAVES`; those of lead ``global`` are used.
    signal_mv : shape (n_samples,), millivolts, band-passed.
    limits, age_days, sex : of the distance from a normal rhythm, see `abnormal_rhythm.deviation`.
    """
    signal = np.asarray(signal_mv, np.float64)
    all_leads = waves[waves["lead"] == GLOBAL].sort_values("peak_s", kind="stable")
    qrs = all_leads[all_leads["wave"] == "QRS"]
    r_s = qrs["peak_s"].to_numpy(np.float64)
    r_s, first = np.unique(r_s, return_index=True)
    qrs = qrs.iloc[first]
    rr = np.diff(r_s)
    early = np.append(False, rr < rr_intervals.EARLY * rr_intervals.local_median(rr))[: len(r_s)]
    quiet = strip_noise.quiet(signal, fs_hz, r_s)
    # Movement artefacts give false beats: beats there are ignored, if enough others are left.
    between = quiet[1:] & quiet[:-1]
    if between.sum() < FEWEST_QUIET:
        quiet, between = np.ones_like(quiet), np.ones_like(between)
    found = rr_intervals.intervals(rr[between])
    found |= beat_similarity.similarity(signal, fs_hz, r_s[quiet], early[quiet])
    found |= strip_noise.noise(signal, fs_hz, r_s) | _waves(all_leads, qrs, r_s, early)
    apart = ectopy.ectopy(signal, fs_hz, r_s)
    found |= apart | abnormal_rhythm.deviation(apart, _pr_s(all_leads, qrs), limits, age_days, sex)
    found["quiet_beat_fraction"] = float(quiet.mean()) if len(quiet) else np.nan
    found["premature_quiet_fraction"] = float(early[quiet].mean()) if quiet.any() else np.nan
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def _pr_s(all_leads: pd.DataFrame, qrs: pd.DataFrame) -> float:
    """Return the median PR interval, onset to onset; NaN where most beats have no P."""
    p_s = all_leads.loc[all_leads["wave"] == "P", "onset_s"].to_numpy(np.float64)
    q_s = qrs["onset_s"].to_numpy(np.float64)
    p_s, q_s = np.sort(p_s[np.isfinite(p_s)]), np.sort(q_s[np.isfinite(q_s)])
    next_ = np.searchsorted(q_s, p_s)
    there = next_ < len(q_s)
    pr = q_s[next_[there]] - p_s[there]
    pr = pr[pr < LONGEST_PR_S]
    return float(np.median(pr)) if len(pr) > len(q_s) / 2 else np.nan


def _waves(
    all_leads: pd.DataFrame, qrs: pd.DataFrame, r_s: NDArray[np.float64], early: NDArray[np.bool_]
) -> dict[str, float]:
    """Return how sure the delineator was of each wave, and how P and wide QRS lie to the beats."""
    found = {}
    for wave in ("P", "QRS", "T"):
        sure = all_leads.loc[all_leads["wave"] == wave, "confidence"].to_numpy(np.float64)
        known = sure[np.isfinite(sure)]
        found[f"{wave.lower()}_confidence_mean"] = float(known.mean()) if len(known) else np.nan
        found[f"{wave.lower()}_confidence_p10"] = (
            float(np.percentile(known, 10)) if len(known) else np.nan
        )
    p_s = all_leads.loc[all_leads["wave"] == "P", "peak_s"].to_numpy(np.float64)
    t_s = all_leads.loc[all_leads["wave"] == "T", "peak_s"].to_numpy(np.float64)
    beats = max(len(r_s), 1)
    beat = np.searchsorted(r_s, p_s)
    inside = beat < len(r_s)
    pr = r_s[beat[inside]] - p_s[inside]
    width = (qrs["offset_s"] - qrs["onset_s"]).to_numpy(np.float64)
    known = width[np.isfinite(width)]
    return found | {
        "p_per_beat": len(p_s) / beats,
        "t_per_beat": len(t_s) / beats,
        "p_to_r_sd_s": float(pr.std()) if len(pr) > 2 else np.nan,
        "p_to_r_iqr_s": float(np.subtract(*np.percentile(pr, [75, 25]))) if len(pr) > 2 else np.nan,
        "qrs_wide_fraction": float((width > WIDE_S).sum() / beats),
        "qrs_premature_wide_fraction": float((early & (width > WIDE_S)).sum() / beats),
        "qrs_duration_p95_s": float(np.percentile(known, 95)) if len(known) else np.nan,
        "qrs_duration_sd_s": float(known.std()) if len(known) else np.nan,
    }
