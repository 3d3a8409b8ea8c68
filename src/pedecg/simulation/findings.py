"""How the hospital reads a record: the findings that agree with what the heart really shows.

The reader knows the true measurements. A finding that is a number (rate, PR, QTc, axis, voltage)
is written only where the number is beyond the limit of the child's age; a finding that is a
pattern (block of a bundle, pre-excitation, ectopic beats) only where the heart has it.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from pedecg.cohorts.code_vocabularies import ECG_CODES
from pedecg.core.records import Sex
from pedecg.simulation import physiology

NORMAL, OTHERWISE_NORMAL = "Normal ECG", "Otherwise normal ECG"
BENIGN = ("Sinus arrhythmia", "Early repolarization")  # cohort.zzu.benign_findings
RATE = ("Sinus tachycardia", "Sinus bradycardia")  # cohort.zzu.rate_findings
_OTHERWISE_SHARE = 0.26  # 621 of 2,378 published 12-lead records without findings
_SINUS = ("", "apb", "vpb")


@dataclass(frozen=True)
class Seen:
    """What the reader sees of one record.

    Attributes
    ----------
    measured : true measurements, see `hidden_truth.measured`.
    severities : condition -> 0 to 1.
    rhythm : name in `beat_times.RHYTHMS`.
    """

    age_days: int
    sex: Sex
    measured: dict[str, float]
    severities: dict[str, float]
    rhythm: str

    def high(self, measure: str, curve: str, factor: float = 1.0) -> bool:
        """Return whether a measure is above the 98th percentile for age (times a factor)."""
        limit = physiology.percentiles(curve, self.age_days, self.sex)[2]
        return self.measured[measure] > factor * limit

    def low(self, measure: str, curve: str, factor: float = 1.0) -> bool:
        """Return whether a measure is below the 2nd percentile for age (times a factor)."""
        limit = physiology.percentiles(curve, self.age_days, self.sex)[0]
        return self.measured[measure] < factor * limit

    def has(self, *names: str) -> bool:
        """Return whether one of these conditions is present and visible."""
        return any(self.severities.get(name, 0.0) > 0.3 for name in names)


def _sinus_arrhythmia(seen: Seen) -> bool:
    spread = seen.measured["rr_sd_ms"] / (60_000 / seen.measured["heart_rate_bpm"])
    return seen.rhythm == "" and spread > 0.085


def _t_abnormal(seen: Seen) -> bool:
    usual = physiology.percentiles("t_v6", seen.age_days, seen.sex)[1]
    upright_v1 = seen.measured["t_v1_mv"] > 0.05 and 7 <= seen.age_days < 12 * 365
    return seen.measured["t_v6_mv"] < 0.33 * usual or upright_v1


def _st_with_t(seen: Seen) -> bool:
    return abs(seen.measured["st_mv"]) > 0.05 and _t_abnormal(seen)


def _left_voltage(seen: Seen) -> bool:
    both = seen.measured["s_v1_mv"] + seen.measured["r_v6_mv"]
    limits = [physiology.percentiles(c, seen.age_days, seen.sex) for c in ("s_v1", "r_v6")]
    spread = np.hypot(limits[0][2] - limits[0][1], limits[1][2] - limits[1][1])
    return seen.high("r_v6_mv", "r_v6") or both > limits[0][1] + limits[1][1] + 0.75 * spread


def _right_voltage(seen: Seen) -> bool:
    return seen.high("r_v1_mv", "r_v1", 0.9) and not _right_hypertrophy(seen)


def _left_hypertrophy(seen: Seen) -> bool:
    signs = seen.high("r_v6_mv", "r_v6"), seen.high("s_v1_mv", "s_v1"), seen.high("q_v6_mv", "q_v6")
    return sum(signs) >= 2


def _right_hypertrophy(seen: Seen) -> bool:
    upright = seen.measured["t_v1_mv"] > 0.05 and 7 <= seen.age_days < 10 * 365
    signs = (
        seen.high("r_v1_mv", "r_v1"), seen.high("s_v6_mv", "s_v6"),
        seen.high("qrs_axis_deg", "qrs_axis"), upright,
    )  # fmt: skip
    return sum(signs) >= 2


def _sinus(seen: Seen) -> bool:
    return seen.rhythm in _SINUS


def _early(kind: str, frequent: bool) -> Callable[[Seen], bool]:
    return lambda s: s.rhythm == kind and (s.measured["early_share"] >= 0.1) == frequent


def _is(rhythm: str) -> Callable[[Seen], bool]:
    return lambda s: s.rhythm == rhythm


def _right_bundle(seen: Seen, *, complete: bool) -> bool:
    wide = seen.high("qrs_ms", "qrs", 1.08)
    return seen.measured["late_mv"] > 0.18 and wide == complete


def _left_anterior(seen: Seen) -> bool:
    return seen.has("left_anterior_block") and seen.measured["qrs_axis_deg"] < -20


def _st_shift(seen: Seen, low: float, high: float) -> bool:
    shifted = low < seen.measured["st_mv"] < high
    return shifted and not _t_abnormal(seen) and not seen.has("early_repolarization")


# Description in ECGCode.csv, its modifier or "", and when the reader writes it. In the order of
# the published cells: rhythm, conduction, axis and voltage, chambers, repolarisation.
_RULES: tuple[tuple[str, str, Callable[[Seen], bool]], ...] = (
    ("Sinus tachycardia", "", lambda s: _sinus(s) and s.high("heart_rate_bpm", "heart_rate", 0.97)),
    ("Sinus bradycardia", "", lambda s: _sinus(s) and s.low("heart_rate_bpm", "heart_rate", 1.03)),
    ("Sinus arrhythmia", "", _sinus_arrhythmia),
    ("Atrial premature complex(es)", "Occasional", _early("apb", frequent=False)),
    ("Atrial premature complex(es)", "Frequent", _early("apb", frequent=True)),
    ("Atrial escape complex(es)", "", _is("wandering")),
    ("Junctional escape complex(es)", "", _is("junctional")),
    ("Atrial fibrillation", "", _is("fibrillation")),
    ("Ectopic atrial tachycardia, unifocal", "", _is("ectopic_atrial")),
    ("Supraventricular tachycardia", "", _is("supraventricular_tachycardia")),
    ("Ventricular premature complex(es)", "Occasional", _early("vpb", frequent=False)),
    ("Ventricular premature complex(es)", "Frequent", _early("vpb", frequent=True)),
    ("Short PR interva", "", lambda s: s.low("pr_ms", "pr", 0.92) and not s.has("preexcitation")),
    ("First-degree AV block", "", lambda s: s.high("pr_ms", "pr", 1.12)),
    ("Second-degree AV block, Mobitz type I(Wenckebach)", "", _is("wenckebach")),
    ("2:1 AV block", "", _is("two_to_one")),
    ("AV block, complete (third-degree)", "", _is("complete_block")),
    ("Left anterior fascicular block", "", _left_anterior),
    ("Left bundle-branch block", "", lambda s: s.has("lbbb")),
    ("Incomplete right bundle-branch block", "", lambda s: _right_bundle(s, complete=False)),
    ("Right bundle-branch block", "", lambda s: _right_bundle(s, complete=True)),
    ("Intraventricular conduction delay", "", lambda s: s.has("intraventricular_delay")),
    ("Ventricular preexcitation", "", lambda s: s.has("preexcitation")),
    ("Right-axis deviation", "", lambda s: s.high("qrs_axis_deg", "qrs_axis")),
    (
        "Left-axis deviation",
        "",
        lambda s: s.low("qrs_axis_deg", "qrs_axis") and not _left_anterior(s),
    ),
    ("Left ventricular high voltage", "", lambda s: _left_voltage(s) and not _left_hypertrophy(s)),
    ("Right ventricular high voltage", "", _right_voltage),
    ("Low voltage", "", lambda s: s.measured["voltage"] < 0.62),
    ("Left atrial enlargement", "", lambda s: s.measured["la_mv"] > 0.06),
    ("Right atrial enlargement", "", lambda s: s.high("p_ii_mv", "p_ii")),
    ("Left ventricular hypertrophy", "", _left_hypertrophy),
    ("Right ventricular hypertrophy", "", _right_hypertrophy),
    ("ST deviation", "Depression", lambda s: _st_shift(s, -9.0, -0.06)),
    ("ST deviation", "Elevation", lambda s: _st_shift(s, 0.08, 9.0)),
    ("ST deviation with T-wave change", "", _st_with_t),
    ("T-wave abnormality", "", lambda s: _t_abnormal(s) and not _st_with_t(s)),
    ("Prolonged QTc interval", "", lambda s: s.high("qtc_bazett_ms", "qtc_bazett")),
    ("Prominent U waves", "", lambda s: s.has("u_wave")),
    ("Early repolarization", "", lambda s: s.has("early_repolarization")),
    ("Abnormal Q wave", "", lambda s: s.high("q_v6_mv", "q_v6", 1.3)),
    ("Pacing rhythm", "", _is("paced")),
)


def read(seen: Seen, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return (description, modifier) of every finding; a normal record has one that says so."""
    found = [(name, modifier) for name, modifier, holds in _RULES if holds(seen)]
    return found[:8] or [normal(rng)]


def normal(rng: np.random.Generator) -> tuple[str, str]:
    """Return what is written where nothing is found."""
    return (OTHERWISE_NORMAL if rng.random() < _OTHERWISE_SHARE else NORMAL, "")


def is_normal(findings: list[tuple[str, str]]) -> bool:
    """Return whether the record is read as normal."""
    return findings[0][0] in (NORMAL, OTHERWISE_NORMAL)


def abnormal(findings: list[tuple[str, str]]) -> dict[str, bool]:
    """Return the targets that findings decide, as the cohort's default parameters define them."""
    names = {name for name, _ in findings}
    beyond = set() if is_normal(findings) else names - set(BENIGN)
    return {"abnormal": bool(beyond), "abnormal_beyond_rate": bool(beyond - set(RATE))}


def tokens(findings: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Write findings as the AHA and CHN tokens of the published table.

    A token is the code, or the description where that vocabulary has none; a modifier follows
    after ``+``, as a code in AHA and as a word in CHN.
    """
    codes = _codes()
    aha, chn = [], []
    for name, modifier in findings:
        in_aha, in_chn = codes[name]
        aha.append((in_aha or name) + (f"+{codes[modifier][0]}" if modifier else ""))
        chn.append((in_chn or name) + (f"+{modifier}" if modifier else ""))
    return aha, chn


@cache
def _codes() -> dict[str, tuple[str, str]]:
    """Read the published table: description -> (AHA, CHN), "" where a vocabulary has no code."""
    rows = list(csv.reader(ECG_CODES.read_text(encoding="utf-8").splitlines()))[1:]
    return {name: (_code(aha), _code(chn)) for name, aha, chn in rows}


def _code(cell: str) -> str:
    """``N/A`` is no code; composite codes are written without the blanks of the table."""
    return "" if cell == "N/A" else cell.replace(" ", "")
