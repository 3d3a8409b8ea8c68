"""The P wave: its height in II and V1, and its terminal force in V1.

P is measured from the line between its ends in the median beat, as it lies on the slope of the T
wave before it in fast hearts. Terminal force: depth of the negative end of P in V1 times its
duration. Morris JJ et al. Circulation 1964;29:242-252.
"""

import numpy as np

from pedecg.rules.beats import MedianBeat, Values, spread
from pedecg.rules.measured_value import Reading

LEADS = ("II", "V1")
MIN_TERMINAL_MV = 0.02  # a shallower end of P is noise


def measures(beat: MedianBeat) -> dict[str, Reading]:
    """Return P heights, mV, and the terminal force in V1, mV ms, as a positive size.

    Not valid where P begins before the T wave before it has ended.
    """
    if beat.p is None:
        return {}
    found = {}
    for lead in LEADS:
        if lead not in beat.median:
            continue
        median = _off_line(beat.median[lead][beat.p])
        each = _off_line(beat.each[lead][:, beat.p])
        top = max(float(median.max()), 0.0)
        found[f"p_{lead.lower()}_mv"] = Reading(top, spread(each.max(axis=1)), beat.p_alone)
        if lead == "V1":
            found |= _terminal(median, each, beat)
    return found


def _terminal(median: Values, each: Values, beat: MedianBeat) -> dict[str, Reading]:
    depth, ms = terminal(median, beat.fs_hz)
    force = [np.prod(terminal(one, beat.fs_hz)) for one in each]
    return {
        "p_terminal_v1_mv": Reading(depth, spread(-each.min(axis=1)), beat.p_alone),
        "p_terminal_v1_ms": Reading(ms, valid=beat.p_alone),
        "p_terminal_force_v1_mvms": Reading(depth * ms, spread(np.array(force)), beat.p_alone),
    }


def terminal(p: Values, fs_hz: float) -> tuple[float, float]:
    """Return depth, mV, and duration, ms, of the negative second part of P; 0, 0 without one.

    Parameters
    ----------
    p : shape (n,), P in V1 from its onset to its end, off the line between these.
    """
    lowest = int(np.argmin(p))
    if -p[lowest] < MIN_TERMINAL_MV or lowest < len(p) // 3:
        return 0.0, 0.0
    before = np.flatnonzero(p[: lowest + 1] >= 0)
    start = int(before[-1]) + 1 if len(before) else 0
    after = np.flatnonzero(p[lowest:] >= 0)
    stop = lowest + int(after[0]) if len(after) else len(p)
    return float(-p[lowest]), 1000.0 * (stop - start) / fs_hz


def _off_line(p: Values) -> Values:
    line = np.arange(p.shape[-1]) / max(p.shape[-1] - 1, 1)
    first, last = p[..., :1], p[..., -1:]
    return np.asarray(p - first - (last - first) * line)
