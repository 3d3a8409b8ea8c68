"""P, PR, QRS, QT and QT corrected for the heart rate.

There are two definitions. ``pr_ms``, ``qrs_ms``, … run from the earliest onset to the
latest offset in any lead, as AHA/ACCF/HRS define the global intervals (Kligfield P et al. J Am Coll
Cardiol 2007;49:1109-1127); limits and criteria are of these. ``pr_consensus_ms``, … are those of
the wave of all leads together, a few milliseconds narrower.
"""

import numpy as np
import pandas as pd
from scipy import special

from pedecg.rules.beats import FEWEST_BEATS, FEWEST_SHARE, Values, middle, spread
from pedecg.rules.measured_value import Reading

FEWEST_P_SHARE = 0.5  # of the beats have the P that PR is measured from: T and noise look like P


def intervals(
    beats: pd.DataFrame,
    heart_rate_bpm: float,
    consensus: pd.DataFrame | None = None,
    fewest: int = FEWEST_BEATS,
) -> dict[str, Reading]:
    """Return the intervals, medians over the beats, milliseconds.

    PR runs from the onset of P to the onset of QRS, QT from the onset of QRS to the end of T. QT is
    corrected at the mean rate of the record, as its beats follow a change of rate only after many.

    Parameters
    ----------
    beats : `beats.beat_table` of `ANY_LEAD`, its usual beats.
    consensus : the same beats of `GLOBAL`; None: not measured.
    fewest : beats in which a wave must be found.
    """
    found = {f"{name}_ms": reading for name, reading in _durations(beats, fewest).items()}
    if consensus is not None:
        durations = _durations(consensus, fewest)
        found |= {f"{name}_consensus_ms": reading for name, reading in durations.items()}
    qt, rr_s = found["qt_ms"], 60.0 / heart_rate_bpm
    for name, corrected in CORRECTIONS.items():
        value = float(corrected(np.array([qt.value]), np.array([rr_s]))[0])
        found[f"qtc_{name}_ms"] = Reading(value, qt.spread * value / qt.value)
    return found


def _durations(beats: pd.DataFrame, fewest: int) -> dict[str, Reading]:
    """Return P, PR, QRS and QT, milliseconds."""
    p_on, p_off, qrs_on, qrs_off, t_off = (
        beats[f"{name}_s"].to_numpy(np.float64)
        for name in ("p_on", "p_off", "qrs_on", "qrs_off", "t_off")
    )
    seconds = {"p": p_off - p_on, "pr": qrs_on - p_on, "qrs": qrs_off - qrs_on}
    seconds["qt"] = t_off - qrs_on
    each = {name: 1000.0 * values for name, values in seconds.items()}
    least = {"p": FEWEST_P_SHARE, "pr": FEWEST_P_SHARE}
    return {
        name: Reading(middle(values, least.get(name, FEWEST_SHARE), fewest), spread(values))
        for name, values in each.items()
    }


def qtc_bazett(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT for heart rate by Bazett's formula, QT / sqrt(RR).

    Parameters
    ----------
    qt_ms : any shape, ms; NaN where T was not found.
    rr_s : the same shape, s from beat to beat, > 0.

    Notes
    -----
    Over-corrects above about 100 bpm, the usual rate of an infant: read it together with
    Fridericia. Bazett HC. Heart 1920;7:353-370.
    """
    return qt_ms / np.sqrt(rr_s)


def qtc_fridericia(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT by Fridericia's formula, QT / cbrt(RR); see `qtc_bazett`.

    Fridericia LS. Acta Med Scand 1920;53:469-486.
    """
    return np.asarray(qt_ms / special.cbrt(rr_s), np.float64)


def qtc_framingham(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT by the Framingham formula, QT + 154 ms x (1 - RR / 1 s); see `qtc_bazett`.

    Sagie A et al. Am J Cardiol 1992;70:797-801.
    """
    return qt_ms + 154.0 * (1.0 - rr_s)


def qtc_hodges(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT by Hodges' formula, QT + 1.75 ms x (rate - 60 bpm); see `qtc_bazett`.

    Hodges M et al. J Am Coll Cardiol 1983;1:694.
    """
    return qt_ms + 1.75 * (60.0 / rr_s - 60.0)


CORRECTIONS = {
    "bazett": qtc_bazett,
    "fridericia": qtc_fridericia,
    "framingham": qtc_framingham,
    "hodges": qtc_hodges,
}
