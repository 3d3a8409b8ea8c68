"""Age-adjusted criteria: which rules an ECG meets, and why, in one sentence each.

A criterion is a row of `CRITERIA`. Limits for age and sex come from `norms`; a fixed limit stands
here with its source. A criterion whose measure or limit is unknown is neither met nor not met: it
is None.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pedecg import norms
from pedecg.norms import Limit, Limits

PEDS_VIEWER = "Peds ECG Viewer table"
NAMES = {
    "heart_rate": "heart rate",
    "pr": "PR",
    "qrs": "QRS duration",
    "qtc_bazett": "QTc (Bazett)",
    "qrs_axis": "QRS axis",
    "r_v1": "R in V1",
    "s_v1": "S in V1",
    "r_v6": "R in V6",
    "s_v6": "S in V6",
    "q_v6": "Q in V6",
    "rs_ratio_v1": "R/S in V1",
    "rs_ratio_v6": "R/S in V6",
}
UNIT_WORDS = {"bpm": " bpm", "ms": " ms", "deg": "°", "mv": " mV", "ratio": ""}


@dataclass(frozen=True)
class Child:
    """What the criteria read: measures by column of `tables.RULES`, age and sex, the limits."""

    measures: Mapping[str, float]
    age_days: float | None
    sex: str | None
    limits: Limits

    def value(self, column: str) -> float:
        return float(self.measures.get(column, math.nan))


@dataclass(frozen=True)
class Verdict:
    """Whether a criterion is met (None: cannot be told) and, where it is, why."""

    met: bool | None
    reason: str = ""


UNKNOWN = Verdict(None)


@dataclass(frozen=True)
class Criterion:
    name: str
    title: str
    judge: Callable[[Child], Verdict]


def judge(child: Child) -> dict[str, Verdict]:
    """Return the verdict of every criterion by its name, in the order of `CRITERIA`."""
    return {criterion.name: criterion.judge(child) for criterion in CRITERIA}


def beyond_percentile(child: Child, measure: str, above: bool) -> Verdict:
    """Is a measure above the 98th, or below the 2nd, percentile for age and sex?

    Where the sex is unknown the value must lie outside the limits of both sexes.
    """
    if measure not in child.limits.units:
        return UNKNOWN
    unit = child.limits.units[measure]
    value = child.value(child.limits.column(measure))
    rows = child.limits.rows_for(measure, child.age_days, child.sex)
    judged = [_beyond(row, unit, value, above) for row in rows]
    if math.isnan(value) or not judged or None in judged:
        return UNKNOWN
    if not all(judged):
        return Verdict(False)
    row = rows[0]
    side, limit = ("above the 98th", row.p98) if above else ("below the 2nd", row.p2)
    return Verdict(
        True,
        f"{NAMES.get(measure, measure)} {_say(value, unit)}, {side} percentile "
        f"{_say(limit, unit)} for {row.ages} ({row.source})",
    )


def _beyond(row: Limit, unit: str, value: float, above: bool) -> bool | None:
    limit = row.p98 if above else row.p2
    if math.isnan(limit):
        return None
    middle = row.p50 if unit == "deg" else 0.0
    away = norms.distance(unit, value, middle)
    return away > limit - middle if above else away < limit - middle


def beyond_fixed(
    child: Child, column: str, what: str, limit: float, above: bool, source: str
) -> Verdict:
    """Is a measure beyond one limit that holds for every age?"""
    value = child.value(column)
    if math.isnan(value):
        return UNKNOWN
    if (value <= limit) if above else (value >= limit):
        return Verdict(False)
    unit = column.rsplit("_", 1)[-1]
    side = "above" if above else "below"
    reason = f"{what} {_say(value, unit)}, {side} {_say(limit, unit)} ({source})"
    return Verdict(True, reason)


def points(child: Child, signs: tuple[tuple[str, bool], ...], enough: int) -> Verdict:
    """Are at least so many of several signs beyond their percentile?

    A missing lead leaves its signs open: the answer is None where they could still decide it.
    """
    verdicts = [beyond_percentile(child, measure, above) for measure, above in signs]
    met = [verdict for verdict in verdicts if verdict.met]
    if len(met) >= enough:
        return Verdict(True, "; ".join(verdict.reason for verdict in met))
    unknown = sum(verdict.met is None for verdict in verdicts)
    return UNKNOWN if len(met) + unknown >= enough else Verdict(False)


def upright_t_v1(child: Child) -> Verdict:
    """Is T upright in V1 between the first week and twelve years, a sign of RV hypertrophy?"""
    height, age = child.value("t_v1_mv"), child.age_days
    if math.isnan(height) or age is None or math.isnan(age):
        return UNKNOWN
    if not (8 <= age < 4383 and height > 0.05):
        return Verdict(False)
    return Verdict(
        True, f"T in V1 upright, {_say(height, 'mv')}, after the first week ({PEDS_VIEWER})"
    )


# Age below which the row holds (days), PR below (ms), QRS above (ms): Peds ECG Viewer, to CHECK.
PRE_EXCITATION = ((365.0, 100.0, 100.0), (2922.0, 110.0, 100.0), (math.inf, 120.0, 110.0))


def pre_excitation(child: Child) -> Verdict:
    """Is PR short and QRS wide at once? The delta wave itself is not looked for."""
    pr, qrs, age = child.value("pr_ms"), child.value("qrs_ms"), child.age_days
    if math.isnan(pr) or math.isnan(qrs) or age is None or math.isnan(age):
        return UNKNOWN
    _, shortest, widest = next(row for row in PRE_EXCITATION if age < row[0])
    if not (pr < shortest and qrs > widest):
        return Verdict(False)
    return Verdict(
        True,
        f"PR {_say(pr, 'ms')} below {_say(shortest, 'ms')} and QRS {_say(qrs, 'ms')} above "
        f"{_say(widest, 'ms')}: possible pre-excitation ({PEDS_VIEWER})",
    )


IRREGULAR_SHARE = 0.1


def irregular_rhythm(child: Child) -> Verdict:
    """Do RR intervals spread by more than a tenth? Sinus arrhythmia does so in healthy children."""
    rate, spread = child.value("heart_rate_bpm"), child.value("rr_sd_ms")
    if math.isnan(rate) or math.isnan(spread):
        return UNKNOWN
    share = spread * rate / 60_000.0
    if share <= IRREGULAR_SHARE:
        return Verdict(False)
    return Verdict(
        True,
        f"RR intervals spread by {share:.0%} of their median, more than {IRREGULAR_SHARE:.0%} "
        "(this project's limit)",
    )


def _say(value: float, unit: str) -> str:
    digits = 2 if unit in ("mv", "ratio") else 0
    return f"{value:.{digits}f}{UNIT_WORDS[unit]}"


RVH_SIGNS = (("r_v1", True), ("s_v6", True), ("rs_ratio_v1", True), ("qrs_axis", True))
LVH_SIGNS = (
    ("r_v6", True), ("s_v1", True), ("rs_ratio_v6", True), ("q_v6", True), ("qrs_axis", False),
)  # fmt: skip
LONG_QTC_MS = 460.0
SHORT_QTC_MS = 340.0
LOW_VOLTAGE_MV = 0.5


def _above(measure: str) -> Callable[[Child], Verdict]:
    return partial(beyond_percentile, measure=measure, above=True)


def _below(measure: str) -> Callable[[Child], Verdict]:
    return partial(beyond_percentile, measure=measure, above=False)


CRITERIA: tuple[Criterion, ...] = (
    Criterion("tachycardia", "Tachycardia for age", _above("heart_rate")),
    Criterion("bradycardia", "Bradycardia for age", _below("heart_rate")),
    Criterion("right_axis", "Right axis deviation for age", _above("qrs_axis")),
    Criterion("left_axis", "Left axis deviation for age", _below("qrs_axis")),
    Criterion("first_degree_block", "First-degree AV block for age", _above("pr")),
    Criterion("short_pr", "Short PR for age", _below("pr")),
    Criterion("wide_qrs", "Wide QRS for age", _above("qrs")),
    Criterion(
        "long_qtc",
        "Long QTc",
        partial(
            beyond_fixed,
            column="qtc_bazett_ms",
            what="QTc (Bazett)",
            limit=LONG_QTC_MS,
            above=True,
            source="Schwartz score",
        ),
    ),
    Criterion(
        "short_qtc",
        "Short QTc",
        partial(
            beyond_fixed,
            column="qtc_bazett_ms",
            what="QTc (Bazett)",
            limit=SHORT_QTC_MS,
            above=False,
            source=PEDS_VIEWER,
        ),
    ),
    Criterion("rvh", "Right ventricular hypertrophy", partial(points, signs=RVH_SIGNS, enough=2)),
    Criterion("lvh", "Left ventricular hypertrophy", partial(points, signs=LVH_SIGNS, enough=2)),
    Criterion("upright_t_v1", "Upright T in V1 after the first week", upright_t_v1),
    Criterion(
        "low_voltage",
        "Low voltage in the limb leads",
        partial(
            beyond_fixed,
            column="qrs_limb_mv",
            what="largest limb-lead QRS",
            limit=LOW_VOLTAGE_MV,
            above=False,
            source="common definition",
        ),
    ),
    Criterion("irregular_rhythm", "Irregular rhythm", irregular_rhythm),
    Criterion("pre_excitation", "Possible pre-excitation", pre_excitation),
)
