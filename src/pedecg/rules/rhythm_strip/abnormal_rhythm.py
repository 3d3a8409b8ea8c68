"""How far a recording is from a normal rhythm, finding by finding, and in all.

"Other" rhythms have little in common: one is fast, one slow, one has early beats, one a wide QRS.
A model that must learn this from a few dozen recordings sees each kind but a few times. That any of
them is enough is knowledge, and here it is told: each finding counts 0 within what is usual, and
1 for about one clear step beyond it.
"""

from collections.abc import Mapping

import numpy as np

SLOW_BPM, FAST_BPM = 55.0, 95.0
SLOW_STEP, FAST_STEP = 5.0, 10.0
WIDE_S, WIDE_STEP_S = 0.11, 0.02
PR_S, PR_STEP_S = 0.195, 0.02
ST, ST_STEP = 0.1, 0.1  # of the height of QRS
CLEAR_STEP, MOST_CLEAR = 2.0, 6.0  # an early beat's depth, in spreads of the other intervals
MOST_ODD = 2.0


def beyond(found: Mapping[str, float], pr_s: float) -> dict[str, float]:
    """Return ``beyond_<finding>``, the greatest (``beyond_most``) and their sum (``beyond``).

    Parameters
    ----------
    found : of `ectopy.ectopy`; what is NaN there counts as usual, all of it if there is no beat.
    pr_s : PR interval, seconds, or NaN.
    """
    bpm = found["sound_bpm"]
    told = {
        "rate": _over(bpm, FAST_BPM, FAST_STEP) + _over(-bpm, -SLOW_BPM, SLOW_STEP),
        "qrs": _over(found["beat_qrs_s"], WIDE_S, WIDE_STEP_S),
        "pr": _over(pr_s, PR_S, PR_STEP_S),
        "st": _over(abs(found["beat_st"]), ST, ST_STEP),
        "early": min(_over(found["early_clear"], 0.0, CLEAR_STEP), MOST_CLEAR / CLEAR_STEP),
        "odd": min(_over(found["odd_weight"], 0.0, 1.0), MOST_ODD),
    }
    known = np.isfinite(bpm)
    counted = {f"beyond_{name}": value if known else np.nan for name, value in told.items()}
    return counted | {
        "beyond_most": max(told.values()) if known else np.nan,
        "beyond": sum(told.values()) if known else np.nan,
    }


def _over(value: float, limit: float, step: float) -> float:
    """Return by how many steps a value is beyond its limit; 0 within it, and where it is NaN."""
    return max(0.0, (value - limit) / step) if np.isfinite(value) else 0.0
