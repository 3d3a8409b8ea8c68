"""How a criterion judges a child: against percentiles, against thresholds, or by points.

A criterion whose measure or limit is unknown is neither met nor not met: it is None.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pedecg.rules import norms
from pedecg.rules.norms import Limit, Limits

NAMES = {
    "heart_rate": "heart rate", "pr": "PR", "qrs": "QRS duration", "qtc_bazett": "QTc (Bazett)",
    "qrs_axis": "QRS axis", "r_v1": "R in V1", "s_v1": "S in V1", "r_v6": "R in V6",
    "s_v6": "S in V6", "q_v6": "Q in V6", "rs_ratio_v1": "R/S in V1", "rs_ratio_v6": "R/S in V6",
    "sv1_rv6": "S in V1 + R in V6",
}  # fmt: skip
UNIT_WORDS = {
    "bpm": " bpm", "ms": " ms", "deg": "°", "mv": " mV", "ratio": "", "share": "", "points": "",
}  # fmt: skip


@dataclass(frozen=True)
class MeasuredChild:
    """What the criteria read: measures by column of `tables.RULES`, age and sex, the limits."""

    measures: Mapping[str, Any]
    age_days: float | None
    sex: str | None
    limits: Limits

    def value(self, column: str) -> float:
        """Return a measure; NaN where it was not taken or is not valid."""
        if not self.measures.get(f"valid_{column}", True):
            return math.nan
        return float(self.measures.get(column, math.nan))

    def limit(self, name: str) -> tuple[float, str]:
        """Return a threshold for this child and its source; NaN where there is none."""
        row = self.limits.threshold(name, self.age_days, self.sex)
        return (math.nan, "") if row is None else (row.value, row.source)


@dataclass(frozen=True)
class Verdict:
    """Whether a criterion is met (None: undetermined) and, where it is, why.

    Attributes
    ----------
    points : of a score; NaN where there is none, or a sign of it is unknown.
    """

    met: bool | None
    reason: str = ""
    points: float = math.nan


UNKNOWN = Verdict(None)
NOT_MET = Verdict(False)


@dataclass(frozen=True)
class Criterion:
    """One line of the registry: the title of the finding and the function that assesses it."""

    name: str
    title: str
    judge: Callable[[MeasuredChild], Verdict]
    is_score: bool = False


def above(measure: str) -> Callable[[MeasuredChild], Verdict]:
    """Judge by the 98th percentile for age and sex."""
    return lambda child: beyond_percentile(child, measure, above=True)


def below(measure: str) -> Callable[[MeasuredChild], Verdict]:
    """Judge by the 2nd percentile for age and sex."""
    return lambda child: beyond_percentile(child, measure, above=False)


def beyond_percentile(child: MeasuredChild, measure: str, above: bool) -> Verdict:
    """Assess whether a measure is above the 98th, or below the 2nd, percentile for age and sex.

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
        return NOT_MET
    row = rows[0]
    side, limit = ("above", row.p98) if above else ("below", row.p2)
    return Verdict(
        True,
        f"{NAMES.get(measure, measure)} {fmt(value, unit)}, {side} the {row.bound(above)} "
        f"{fmt(limit, unit)} for {row.ages} ({row.source})",
    )


def _beyond(row: Limit, unit: str, value: float, above: bool) -> bool | None:
    limit = row.p98 if above else row.p2
    if math.isnan(limit):
        return None
    middle = row.middle if unit == "deg" else 0.0
    away = norms.distance(unit, value, middle)
    return away > limit - middle if above else away < limit - middle


def states_limit(child: MeasuredChild, measure: str, above: bool) -> bool:
    """Return whether the table has this limit for the patient's age and sex."""
    rows = child.limits.rows_for(measure, child.age_days, child.sex)
    return any(not math.isnan(row.p98 if above else row.p2) for row in rows)


def beyond_threshold(
    child: MeasuredChild, column: str, what: str, name: str, above: bool
) -> Verdict:
    """Assess whether a measure is above, or below, one threshold."""
    value = child.value(column)
    limit, source = child.limit(name)
    if math.isnan(value) or math.isnan(limit):
        return UNKNOWN
    if (value <= limit) if above else (value >= limit):
        return NOT_MET
    unit = unit_of(column)
    side = "above" if above else "below"
    return Verdict(True, f"{what} {fmt(value, unit)}, {side} {fmt(limit, unit)} ({source})")


def points(
    child: MeasuredChild,
    signs: Sequence[Callable[[MeasuredChild], Verdict]],
    enough: int,
    sure: int,
) -> Verdict:
    """Assess whether at least a given number of signs is met.

    A missing lead leaves its signs open: the answer is None where they could still decide it.
    """
    verdicts = [sign(child) for sign in signs]
    met = [verdict for verdict in verdicts if verdict.met]
    unknown = sum(verdict.met is None for verdict in verdicts)
    total = math.nan if unknown else float(len(met))
    if len(met) >= enough:
        grade = "probable" if len(met) >= sure else "possible"
        reasons = "; ".join(verdict.reason for verdict in met)
        return Verdict(True, f"{len(met)} points, {grade}: {reasons}", total)
    return Verdict(None if len(met) + unknown >= enough else False, points=total)


def where_stated(measure: str, above: bool) -> Callable[[MeasuredChild], Verdict]:
    """Judge a sign by its percentile; it is not met, not unknown, at ages without that limit."""

    def sign(child: MeasuredChild) -> Verdict:
        age_known = child.age_days is not None and not math.isnan(child.age_days)
        in_table = bool(child.limits.rows_for("heart_rate", child.age_days, child.sex))
        if age_known and in_table and not states_limit(child, measure, above):
            return NOT_MET
        return beyond_percentile(child, measure, above)

    return sign


def unit_of(column: str) -> str:
    """Return the unit in the name of a column of `tables.RULES`."""
    return "ratio" if "_ratio_" in column else column.rsplit("_", 1)[-1]


def fmt(value: float, unit: str) -> str:
    """Write a value with its unit as a reader would."""
    if unit == "share":
        return f"{value:.0%}"
    if unit == "points":
        return f"{value:g}"
    return f"{value:.{2 if unit in ('mv', 'ratio') else 0}f}{UNIT_WORDS[unit]}"
