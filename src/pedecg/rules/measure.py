"""What a cardiologist reads from one ECG: rate, intervals, axes and amplitudes.

Every measure is the median over the beats in which it could be taken, or is taken from the median
beat; where a lead is missing or a wave was found in too few beats it is NaN, never a guess.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]

GLOBAL = "global"
FEWEST_BEATS = 3
FEWEST_SHARE = 0.3  # of the beats: a wave found more rarely is not measured
MIN_S_MV = 0.02  # an S wave below it is noise; it bounds the R/S ratio of a pure R
MIN_AREA_MV_MS = 1.0  # a net area below it in both I and aVF has no direction
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST_WITH_R_AND_S = ("V1", "V2", "V5", "V6")
COLUMNS = (
    "heart_rate_bpm", "rr_sd_ms", "p_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_bazett_ms",
    "qtc_fridericia_ms", "qrs_axis_deg", "t_axis_deg", "qrs_limb_mv",
    "r_v1_mv", "s_v1_mv", "rs_ratio_v1", "t_v1_mv", "r_v2_mv", "s_v2_mv",
    "r_v5_mv", "s_v5_mv", "r_v6_mv", "s_v6_mv", "rs_ratio_v6", "q_v6_mv",
)  # fmt: skip


def measure(
    waves: pd.DataFrame,
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    leads: tuple[str, ...],
    lead_mask: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Return every measure of one record by the names in `COLUMNS`.

    Parameters
    ----------
    waves : the record's rows of `tables.WAVES`; those of lead ``global`` are used.
    signal_mv : shape (n_leads, n_samples), millivolts.
    fs_hz : samples per second.
    leads : canonical names of the rows.
    lead_mask : shape (n_leads,), False: absent or unusable; None: all usable.
    """
    found = dict.fromkeys(COLUMNS, np.nan)
    beats = beat_table(waves)
    if len(beats) < FEWEST_BEATS:
        return found
    found |= rhythm(beats["r_s"].to_numpy())
    found |= intervals(beats)
    mask = np.ones(len(leads), bool) if lead_mask is None else lead_mask
    usable = {lead: row for row, lead in enumerate(leads) if mask[row]}
    beat = MedianBeat(beats, np.asarray(signal_mv, np.float64), fs_hz)
    if beat.has_qrs:
        lead_beats = {lead: beat.lead(row) for lead, row in usable.items()}
        found |= axes(beat, lead_beats)
        found |= amplitudes(beat, lead_beats)
    return found


def beat_table(waves: pd.DataFrame) -> pd.DataFrame:
    """Put the global waves of each beat into one row; NaN where a wave was not found.

    Returns
    -------
    One row per QRS in order of time, seconds: r_s, qrs_on_s, qrs_off_s, p_on_s, p_off_s, t_on_s,
    t_off_s. A P wave belongs to the next QRS, a T wave to the one before.
    """
    mine = waves[waves["lead"] == GLOBAL].sort_values("peak_s")
    by_wave = {name: mine[mine["wave"] == name] for name in ("P", "QRS", "T")}
    r = by_wave["QRS"]["peak_s"].to_numpy(np.float64)
    beats = pd.DataFrame(
        {
            "r_s": r,
            "qrs_on_s": by_wave["QRS"]["onset_s"].to_numpy(np.float64),
            "qrs_off_s": by_wave["QRS"]["offset_s"].to_numpy(np.float64),
        }
    )
    for wave, beat_of in (
        ("P", np.searchsorted(r, by_wave["P"]["peak_s"])),
        ("T", np.searchsorted(r, by_wave["T"]["peak_s"]) - 1),
    ):
        inside = (beat_of >= 0) & (beat_of < len(r))
        for side, column in (("on", "onset_s"), ("off", "offset_s")):
            times = np.full(len(r), np.nan)
            times[beat_of[inside]] = by_wave[wave][column].to_numpy(np.float64)[inside]
            beats[f"{wave.lower()}_{side}_s"] = times
    return beats


def rhythm(r_s: Values) -> dict[str, float]:
    """Heart rate, 60 / mean RR as one counts it, and the spread of RR.

    All beats of the whole record count, but for intervals under 0.6 or over 1.8 times their median:
    those are artefacts taken for beats, and missed beats. The spread is 1.4826 x the median
    absolute deviation, the robust estimate of the SD: one premature beat is no irregular rhythm.
    """
    rr = np.diff(r_s)
    usual = float(np.median(rr))
    counted = rr[(rr >= 0.6 * usual) & (rr <= 1.8 * usual)]
    spread = 1.4826 * float(np.median(np.abs(rr - usual)))
    return {"heart_rate_bpm": 60.0 / float(counted.mean()), "rr_sd_ms": 1000.0 * spread}


def intervals(beats: pd.DataFrame) -> dict[str, float]:
    """P, PR, QRS, QT and corrected QT, medians over the beats, milliseconds.

    PR runs from the onset of P to the onset of QRS, QT from the onset of QRS to the end of T, each
    at the earliest and latest place over all leads together.
    """
    ms = 1000.0 * beats
    qt_ms = (ms["t_off_s"] - ms["qrs_on_s"]).to_numpy()
    rr_s = np.diff(beats["r_s"].to_numpy(), prepend=np.nan)
    return {
        "p_ms": middle((ms["p_off_s"] - ms["p_on_s"]).to_numpy()),
        "pr_ms": middle((ms["qrs_on_s"] - ms["p_on_s"]).to_numpy()),
        "qrs_ms": middle((ms["qrs_off_s"] - ms["qrs_on_s"]).to_numpy()),
        "qt_ms": middle(qt_ms),
        "qtc_bazett_ms": middle(qtc_bazett(qt_ms, rr_s)),
        "qtc_fridericia_ms": middle(qtc_fridericia(qt_ms, rr_s)),
    }


def qtc_bazett(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT for heart rate by Bazett's formula, QT / sqrt(RR).

    Parameters
    ----------
    qt_ms : shape (n_beats,), milliseconds; NaN where T was not found.
    rr_s : shape (n_beats,), seconds to the preceding R peak, > 0; NaN for the first beat.

    Notes
    -----
    Over-corrects above about 100 bpm, the usual rate of an infant: read it beside Fridericia.
    Bazett HC. Heart 1920;7:353-370.
    """
    return qt_ms / np.sqrt(rr_s)


def qtc_fridericia(qt_ms: Values, rr_s: Values) -> Values:
    """Correct QT for heart rate by Fridericia's formula, QT / cbrt(RR); see `qtc_bazett`.

    Fridericia LS. Acta Med Scand 1920;53:469-486.
    """
    return qt_ms / np.cbrt(rr_s)


def middle(values: Values) -> float:
    """Return the median of the beats that have a value, NaN if these are too few."""
    known = values[np.isfinite(values)]
    enough = max(FEWEST_BEATS, FEWEST_SHARE * len(values))
    return float(np.median(known)) if len(known) >= enough else np.nan


class MedianBeat:
    """The median over all beats of one record, aligned at the R peak of all leads together.

    Attributes
    ----------
    has_qrs : False where too few beats have QRS boundaries: then there is nothing to measure.
    qrs, t : slices of a median beat; `t` is None where T was found in too few beats.
    """

    def __init__(self, beats: pd.DataFrame, signal_mv: Values, fs_hz: float) -> None:
        r = np.rint(beats["r_s"].to_numpy() * fs_hz).astype(int)
        edges = {
            name: middle((beats[f"{name}_s"] - beats["r_s"]).to_numpy() * fs_hz)
            for name in ("qrs_on", "qrs_off", "t_on", "t_off")
        }
        self.fs_hz, self.signal_mv = fs_hz, signal_mv
        self.has_qrs = bool(np.isfinite([edges["qrs_on"], edges["qrs_off"]]).all())
        if not self.has_qrs:
            return
        self._before = round(-edges["qrs_on"] + 0.03 * fs_hz)
        last = edges["t_off"] if np.isfinite(edges["t_off"]) else edges["qrs_off"]
        after = round(last) + 1
        whole = r[(r >= self._before) & (r + after < signal_mv.shape[1])]
        self._samples = whole[:, None] + np.arange(-self._before, after + 1)
        self.has_qrs = len(whole) >= FEWEST_BEATS
        self.qrs = self._slice(edges["qrs_on"], edges["qrs_off"])
        found_t = np.isfinite([edges["t_on"], edges["t_off"]]).all()
        self.t = self._slice(edges["t_on"], edges["t_off"]) if found_t else None

    def _slice(self, first: float, last: float) -> slice:
        return slice(round(first) + self._before, round(last) + self._before + 1)

    def lead(self, row: int) -> Values:
        """Return a lead's median beat in mV; zero is its level just before the QRS."""
        beat = np.median(self.signal_mv[row][self._samples], axis=0)
        rest = beat[max(self.qrs.start - round(0.024 * self.fs_hz), 0) : self.qrs.start]
        level: Values = beat - np.median(rest)
        return level


def axes(beat: MedianBeat, leads: dict[str, Values]) -> dict[str, float]:
    """Mean electrical axis of QRS and of T in the frontal plane, degrees, -180 to 180."""
    if not {"I", "aVF"} <= leads.keys():
        return {}
    found = {"qrs_axis_deg": axis_deg(leads["I"][beat.qrs], leads["aVF"][beat.qrs], beat.fs_hz)}
    if beat.t is not None:
        found["t_axis_deg"] = axis_deg(leads["I"][beat.t], leads["aVF"][beat.t], beat.fs_hz)
    return found


def axis_deg(lead_i: Values, lead_avf: Values, fs_hz: float) -> float:
    """Return atan2(2/sqrt(3) x net area in aVF, net area in I) in degrees.

    The factor brings the augmented lead to the scale of the bipolar one, as in Einthoven's
    triangle. NaN where both net areas are too small to point anywhere.
    """
    areas = np.array([lead_i.sum(), 2.0 / np.sqrt(3.0) * lead_avf.sum()]) * 1000.0 / fs_hz
    if np.hypot(*areas) < MIN_AREA_MV_MS:
        return np.nan
    return float(np.degrees(np.arctan2(areas[1], areas[0])))


def amplitudes(beat: MedianBeat, leads: dict[str, Values]) -> dict[str, float]:
    """Heights of Q, R, S and T in mV (Q and S as positive depths; T with its sign), and R/S."""
    found: dict[str, float] = {}
    limb = [np.ptp(leads[lead][beat.qrs]) for lead in LIMB if lead in leads]
    if len(limb) == len(LIMB):
        found["qrs_limb_mv"] = float(max(limb))
    for lead in CHEST_WITH_R_AND_S:
        if lead not in leads:
            continue
        name, qrs = lead.lower(), leads[lead][beat.qrs]
        at_r = int(np.argmax(qrs))
        found[f"r_{name}_mv"] = max(float(qrs[at_r]), 0.0)
        found[f"s_{name}_mv"] = max(float(-qrs[at_r:].min()), 0.0)
        ratio = found[f"r_{name}_mv"] / max(found[f"s_{name}_mv"], MIN_S_MV)
        found |= {f"rs_ratio_{name}": ratio} if lead in ("V1", "V6") else {}
        if lead == "V6":
            found["q_v6_mv"] = max(float(-qrs[: at_r + 1].min()), 0.0)
    if beat.t is not None and "V1" in leads:
        t = leads["V1"][beat.t]
        found["t_v1_mv"] = float(t[np.argmax(np.abs(t))])
    return found
