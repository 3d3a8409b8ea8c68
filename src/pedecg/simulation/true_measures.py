"""What a perfect reader would measure on the noise-free heart, by the names of `tables.RULES`.

The definitions are those of a careful reader, written down a second time here on purpose: from the
waves that were put in, not from the signal that came out.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pedecg.core.records import LEADS
from pedecg.simulation import torso
from pedecg.simulation.beat_shape import BeatShape
from pedecg.simulation.beat_times import ECTOPIC, NARROW, Rhythm
from pedecg.simulation.gaussian_waves import Waves
from pedecg.simulation.synthesis import LOW_ATRIUM

STEP_S = 0.0005  # grid on which continuous waves are measured; an eightieth of the narrowest QRS
STEADY_S = 0.02  # a PR that spreads by more is none
MIN_R_MV, MIN_R_SHARE = 0.05, 0.05  # a lower hump is no R, nor one this much lower than the rest
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")

Values = NDArray[np.float64]


def readings(
    narrow: BeatShape, wide: BeatShape, rhythm: Rhythm, qt_ms: float, length_s: float
) -> dict[str, float]:
    """Return the true measures; NaN where the heart has no such thing, as P in fibrillation.

    Parameters
    ----------
    narrow, wide : the two kinds of beat; the commoner one in the record is read.
    qt_ms : mean QT of the record as if all beats were narrow.
    length_s : of the record.
    """
    inside = (rhythm.qrs_s >= 0) & (rhythm.qrs_s < length_s)
    is_narrow = bool(np.mean(rhythm.qrs_kind[inside] == NARROW) >= 0.5)
    usual = narrow if is_narrow else wide
    qt = qt_ms + 1000 * (usual.qrs_s - narrow.qrs_s)
    rr = rhythm.rr_s()[inside]
    rate = 60 / float(rr.mean())
    conducted = rhythm.p_s.size == rhythm.qrs_s.size
    regular = conducted and not rhythm.p_kind.any() and bool((rhythm.qrs_kind == NARROW).all())
    found = {
        "heart_rate_bpm": rate,
        "sdnn_ms": 1000 * float(rr.std()) if regular else np.nan,
        "rmssd_ms": 1000 * float(np.sqrt(np.mean(np.diff(rr) ** 2))) if regular else np.nan,
        "qrs_ms": 1000 * usual.qrs_s,
        "qt_ms": qt,
        "qtc_bazett_ms": qt * np.sqrt(rate / 60),
        "qtc_fridericia_ms": qt * math.cbrt(rate / 60),
        "qtc_framingham_ms": qt + 154 * (1 - 60 / rate),
        "qtc_hodges_ms": qt + 1.75 * (rate - 60),
    }
    found |= _atria(narrow, rhythm, inside) | _qrs(usual) | _repolarisation(usual, qt / 1000)
    angle = (found["qrs_axis_deg"] - found["t_axis_deg"] + 180) % 360 - 180
    return found | {"qrs_t_angle_deg": abs(angle)}


def _atria(narrow: BeatShape, rhythm: Rhythm, inside: NDArray[np.bool_]) -> dict[str, float]:
    """P duration and axis where there is P, PR of the P before each QRS where it is steady."""
    if rhythm.p_s.size == 0:
        return dict.fromkeys(("p_ms", "pr_ms", "p_axis_deg"), np.nan)
    low = np.mean(rhythm.p_kind == ECTOPIC) > 0.5
    waves = narrow.p.with_dipole(narrow.p.dipole_mv * LOW_ATRIUM) if low else narrow.p
    axis = _axis(_leads(waves, np.arange(0, narrow.p_s, STEP_S)))
    qrs = rhythm.qrs_s[inside]
    before = np.searchsorted(rhythm.p_s, qrs) - 1
    pr = qrs[before >= 0] - rhythm.p_s[before[before >= 0]]
    steady = pr.size > 0 and np.quantile(pr, 0.75) - np.quantile(pr, 0.25) < STEADY_S
    pr_ms = 1000 * float(np.median(pr)) if steady else np.nan
    return {"p_ms": 1000 * narrow.p_s, "pr_ms": pr_ms, "p_axis_deg": axis}


def _qrs(beat: BeatShape) -> dict[str, float]:
    leads = _leads(beat.qrs, np.arange(0, beat.qrs_s, STEP_S))
    found = {"qrs_axis_deg": _axis(leads)}
    for lead in CHEST:
        name = lead.lower()
        qrs = leads[torso.ROW[lead]]
        at = _first_r(qrs)
        if at is not None and lead in CHEST[:3] and -qrs[:at].min() > 2 * qrs.max():
            at = None  # a deep complex with a late bump is a QS, not a Q
        r, s = max(float(qrs.max()), 0.0), max(float(-qrs[at or 0 :].min()), 0.0)
        q = 0.0 if at is None else max(float(-qrs[: at + 1].min()), 0.0)
        found |= {f"r_{name}_mv": r, f"s_{name}_mv": s, f"q_{name}_mv": q}
    size = np.ptp(leads, axis=1)
    limb, chest = (float(size[rows].max()) for rows in (slice(0, 6), slice(6, 12)))
    both = found["s_v1_mv"] + found["r_v6_mv"]
    return found | {"qrs_limb_mv": limb, "qrs_precordial_mv": chest, "sv1_rv6_mv": both}


def _repolarisation(beat: BeatShape, qt_s: float) -> dict[str, float]:
    """ST at 40 to 60 ms after the end of QRS, T at its peak, the axis of T's net area."""
    length = qt_s - beat.qrs_s
    st_time = beat.qrs_s + np.arange(0.04, 0.06, STEP_S)
    st = _leads(beat.qrs, st_time) + _leads(beat.t, (st_time - beat.qrs_s) / length)
    peak = _leads(beat.t, np.array([beat.t_peak]))[:, 0]
    found = {"t_axis_deg": _axis(_leads(beat.t, np.arange(beat.t_onset, 1, STEP_S / length)))}
    for row, lead in enumerate(LEADS):
        found[f"st_{lead.lower()}_mv"] = float(st[row].mean())
        found[f"t_{lead.lower()}_mv"] = float(peak[row])
    return found


def _leads(waves: Waves, time: Values) -> Values:
    return np.asarray(torso.to_leads(waves.at(time)))


def _axis(leads: Values) -> float:
    """Return the direction of the net area, degrees, by Einthoven's triangle."""
    left, foot = leads[torso.ROW["I"]].sum(), leads[torso.ROW["aVF"]].sum() * 2 / np.sqrt(3)
    return math.degrees(math.atan2(foot, left))


def _first_r(qrs: Values) -> int | None:
    enough = max(MIN_R_MV, MIN_R_SHARE * float(np.ptp(qrs)))
    peak = (qrs[1:-1] > qrs[:-2]) & (qrs[1:-1] >= qrs[2:]) & (qrs[1:-1] >= enough)
    return int(np.argmax(peak)) + 1 if peak.any() else None
