"""Distance of a recording from a normal rhythm, by finding and in all.

"Other" rhythms have little in common: one is fast, one slow, one has early beats, one a wide QRS.
A model that must learn this from a few dozen recordings sees each kind but a few times. That any
one of them is enough is prior knowledge: each finding is 0 within its limit and rises by 1 with
each step beyond it. Limits and steps are rows `strip_…` of ``thresholds.csv``, so that a hospital
can replace them, and give others by age; those that are shipped hold for adults, whose recordings
CinC 2017 has.
"""

import math
from collections.abc import Mapping

import numpy as np

from pedecg.rules.norms import Limits

MS_PER_S = 1000.0


def deviation(
    found: Mapping[str, float],
    pr_s: float,
    limits: Limits,
    age_days: float | None = None,
    sex: str | None = None,
) -> dict[str, float]:
    """Return ``deviation_<finding>``, and as ``_max`` and ``_total`` their maximum and sum.

    Parameters
    ----------
    found : of `ectopy.ectopy`; what is NaN there counts as usual, all of it if there is not a beat.
    pr_s : PR interval, seconds, or NaN.
    limits : holds the thresholds `strip_…`; one that is not stated for the age counts as not
        exceeded.
    """

    def limit(name: str) -> float:
        row = limits.threshold(f"strip_{name}", age_days, sex)
        return math.nan if row is None else row.value

    def over(value: float, name: str, unit: float = 1.0, sign: float = 1.0) -> float:
        step = limit(f"{name}_step") / unit
        return _steps(sign * value, sign * limit(name) / unit, step)

    bpm = found["clean_rate_bpm"]
    premature_step = limit("premature_step")
    deviations = {
        "rate": over(bpm, "fast") + over(bpm, "slow", sign=-1.0),
        "qrs": over(found["average_beat_qrs_s"], "wide_qrs", MS_PER_S),
        "pr": over(pr_s, "long_pr", MS_PER_S),
        "st": over(abs(found["average_beat_st_to_qrs"]), "st"),
        "premature": min(
            _steps(found["prematurity_to_rr_variability"], 0.0, premature_step),
            limit("premature_max") / premature_step,
        ),
        "aberrant": min(_steps(found["aberrant_beat_score"], 0.0, 1.0), limit("aberrant_max")),
    }
    known = np.isfinite(bpm)
    counted = {
        f"deviation_{name}": value if known else np.nan for name, value in deviations.items()
    }
    return counted | {
        "deviation_max": max(deviations.values()) if known else np.nan,
        "deviation_total": sum(deviations.values()) if known else np.nan,
    }


def _steps(value: float, limit: float, step: float) -> float:
    """Return by how many steps a value exceeds its limit; 0 within it, and where one is NaN."""
    steps = (value - limit) / step
    return max(0.0, steps) if np.isfinite(steps) else 0.0
