"""Heights and forms of the waves in each lead: R, S, Q, r', T, ST, the slope into QRS."""

import numpy as np

from pedecg.core.records import ALL_LEADS
from pedecg.rules.beats import MedianBeat, Values, spread
from pedecg.rules.measured_value import Reading

CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
RIGHT = ("V1", "V2", "V3", "V1R", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R")
PEAK_TIMES = ("aVL", "V1", "V5", "V6")
J_LEADS = ("V1", "V2")  # where a Brugada pattern shows
MIN_R_MV = 0.05  # half a square on paper: a lower hump is no R
MIN_R_SHARE = 0.05  # of the complex: nor is a hump this much lower than the rest
MIN_S_MV = 0.02  # an S wave below it is noise; it bounds the R/S ratio of a pure R
MIN_Q_MV = 0.02  # from here down Q lasts; at the PR segment's level its ends are noise
MIN_QS_MV = 0.1  # a complex that is all negative and no deeper is no QS: QRS hardly shows there
NOTCH_MV = 0.08  # r and r' are two waves where the dip between them is deeper than this
EDGE_S = 0.008  # leads differ a little in where QRS ends
SETTLED = 0.25  # of the T wave: before it, the level of ST is still seen
STEEP = 0.5  # of the steepest: slower than this is slurred


def heights(beat: MedianBeat) -> dict[str, Reading]:
    """Return amplitudes, mV: Q and S as positive depths, T, ST and J with their sign.

    R is the largest positive deflection of QRS, Q what is negative before the first R, S what is
    negative after it; the depth of a QS complex is all S, its duration counts as Q's. The values
    are those of the median beat, which has the least noise, their spread is that of the single
    beats.
    """
    found = each_lead(beat)
    if {"s_v1_mv", "r_v6_mv"} <= found.keys():
        s, r = found["s_v1_mv"], found["r_v6_mv"]
        found["sv1_rv6_mv"] = Reading(s.value + r.value, float(np.hypot(s.spread, r.spread)))
    for name, leads in (("qrs_limb_mv", LIMB), ("qrs_precordial_mv", CHEST)):
        if set(leads) <= beat.median.keys():
            largest = max(leads, key=lambda lead: np.ptp(beat.median[lead][beat.qrs]))
            value = float(np.ptp(beat.median[largest][beat.qrs]))
            found[name] = Reading(value, spread(np.ptp(beat.each[largest][:, beat.qrs], axis=1)))
    return found


def each_lead(beat: MedianBeat) -> dict[str, Reading]:
    """Return the heights of Q, R, S, ST and T in every lead of a beat, see `heights`."""
    found: dict[str, Reading] = {}
    for lead in ALL_LEADS:
        if lead in beat.median:
            found |= _complex(beat, lead) | _repolarisation(beat, lead)
    return found


def forms(beat: MedianBeat) -> dict[str, Reading]:
    """Return what tells bundle branch block and pre-excitation: r', R peak times, the slur."""
    found = {}
    ms = 1000.0 / beat.fs_hz
    if "V1" in beat.median:
        found["r2_v1_mv"] = Reading(second_r(beat.median["V1"][_wide(beat)]))
    for lead in PEAK_TIMES:
        if lead in beat.median:
            qrs = beat.median[lead][beat.qrs]
            at = ms * float(np.argmax(qrs)) if qrs.max() >= MIN_R_MV else np.nan
            peaks = ms * np.argmax(beat.each[lead][:, beat.qrs], axis=1)
            found[f"r_peak_{lead.lower()}_ms"] = Reading(at, spread(peaks.astype(float)))
    found["delta_wave_ms"] = Reading(ms * slur(np.stack(list(beat.median.values()))[:, beat.qrs]))
    return found


def second_r(qrs: Values) -> float:
    """Return the height of r' (a second positive wave after an S), mV; 0 where there is none.

    Parameters
    ----------
    qrs : shape (n,), one lead's complex from before its onset to after its end.
    """
    peak = (qrs[1:-1] > qrs[:-2]) & (qrs[1:-1] >= qrs[2:]) & (qrs[1:-1] >= MIN_R_MV)
    humps = np.flatnonzero(peak) + 1
    if len(humps) < 2:
        return 0.0
    first = humps[0]
    for last in humps[:0:-1]:
        dip = qrs[first:last].min()
        if min(qrs[first], qrs[last]) - dip >= NOTCH_MV:
            return float(qrs[last])
    return 0.0


def slur(qrs: Values) -> float:
    """Return for how long QRS rises slowly before its steep part, in samples.

    Slow is under half of the greatest speed of all leads together: an accessory pathway drives
    the first part of the ventricle from cell to cell, and its delta wave climbs for 20 to 60 ms.

    Parameters
    ----------
    qrs : shape (n_leads, n), from the onset of QRS to its end.
    """
    speed = np.sqrt(np.square(np.diff(qrs, axis=1)).sum(axis=0))
    level = STEEP * speed.max()
    steep = int(np.argmax(speed >= level))
    if steep == 0 or level <= 0:
        return 0.0
    part = (level - speed[steep - 1]) / (speed[steep] - speed[steep - 1])
    return float(steep - 0.5 + part)


def first_r(qrs: Values) -> int | None:
    """Return where the first R of one complex peaks, or None where it is all negative.

    Parameters
    ----------
    qrs : shape (n_samples,), mV.
    """
    enough = max(MIN_R_MV, MIN_R_SHARE * float(np.ptp(qrs)))
    middle = qrs[1:-1]
    peak = (middle > qrs[:-2]) & (middle >= qrs[2:]) & (middle >= enough)
    return int(np.argmax(peak)) + 1 if peak.any() else None


def _wide(beat: MedianBeat) -> slice:
    edge = round(EDGE_S * beat.fs_hz)
    return slice(max(beat.qrs.start - edge, 0), beat.qrs.stop + edge)


def _complex(beat: MedianBeat, lead: str) -> dict[str, Reading]:
    name, part = lead.lower(), _wide(beat)
    qrs, each = beat.median[lead][part], beat.each[lead][:, part]
    at = first_r(qrs)
    if at is not None and lead in RIGHT and -qrs[:at].min() > 2 * qrs.max():
        at = None  # a deep complex with a late bump is a QS, not a Q
    r = Reading(max(float(qrs.max()), 0.0), spread(each.max(axis=1)))
    split = at or 0
    s = Reading(max(float(-qrs[split:].min()), 0.0), spread(-each[:, split:].min(axis=1)))
    q = Reading(max(float(-qrs[: split + 1].min()), 0.0), spread(-each[:, : split + 1].min(axis=1)))
    q = q if at is not None else Reading(0.0, q.spread)
    return {
        f"r_{name}_mv": r,
        f"s_{name}_mv": s,
        f"q_{name}_mv": q,
        f"q_{name}_ms": _q_duration(beat, lead, at),
        f"rs_ratio_{name}": _ratio(r, s),
        f"qr_ratio_{name}": _ratio(q, r, MIN_R_MV),
    }


def _q_duration(beat: MedianBeat, lead: str, at: int | None) -> Reading:
    """Return for how long Q, or a whole QS complex, lies below the PR segment, ms.

    Parameters
    ----------
    at : where the first R of the median beat peaks, from the beginning of `_wide`.
    """
    part = _wide(beat)
    qrs, each = beat.median[lead][part], beat.each[lead][:, part]
    if at is None and -qrs.min() < MIN_QS_MV:
        return Reading(0.0)
    ms, before = 1000.0 / beat.fs_hz, slice(None) if at is None else slice(at + 1)
    lasting = (each[:, before] < -MIN_Q_MV).sum(axis=1)
    return Reading(ms * float((qrs[before] < -MIN_Q_MV).sum()), spread(ms * lasting))


def _ratio(one: Reading, other: Reading, least_mv: float = MIN_S_MV) -> Reading:
    """Return one height over another, which counts as `least_mv` at least."""
    depth = max(other.value, least_mv)
    ratio = one.value / depth
    shares = one.spread / max(one.value, MIN_S_MV), other.spread / depth
    return Reading(ratio, ratio * float(np.hypot(*shares)))


def _repolarisation(beat: MedianBeat, lead: str) -> dict[str, Reading]:
    """ST is the mean from 40 to 60 ms after J; T the extreme once ST is over."""
    name = lead.lower()
    median, each = beat.median[lead], beat.each[lead]
    parts = {f"st_{name}_mv": beat.after_qrs(0.04, 0.06)}
    if lead in J_LEADS:
        parts[f"j_{name}_mv"] = beat.after_qrs(0.0, 0.0)
        parts[f"st80_{name}_mv"] = beat.after_qrs(0.08, 0.08)
    found = {
        key: Reading(float(median[part].mean()), spread(each[:, part].mean(axis=1)))
        for key, part in parts.items()
    }
    if beat.t is not None:
        settled = beat.t.start + round(SETTLED * (beat.t.stop - beat.t.start))
        at = settled + int(np.argmax(np.abs(median[settled : beat.t.stop])))
        found[f"t_{name}_mv"] = Reading(float(median[at]), spread(each[:, at]))
    return found
