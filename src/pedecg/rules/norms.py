"""Normal limits by age and sex: data with their source, and z-scores from them.

The limits are a CSV file that a hospital may replace by its own. A row holds the 2nd, 50th and
98th percentile of one measure for a half-open range of ages, ``age_from_days <= age <
age_to_days``. Its status says how it was checked: ``primary`` against the publication,
``secondary`` against a source that quotes it, ``own`` is this project's or the hospital's, and
``unchecked`` has no source that could be checked: such a row is off. What
each source is - publication, place, population, number, leads, recording - stands in
``limit_sources.csv``.

Published tables have steps: the limit of a boy of 364 days differs from that of 365 days by 39
bpm. Criteria and z-scores use the same smooth limits, linear in log(age + 1 day) between the
middles of the age groups. Conventions of adults have no groups and are not smoothed.

A second file holds thresholds: single numbers that a criterion compares with, by age and sex.
Both files may begin with a line ``# version: …``.
"""

import csv
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.core import age_text
from pedecg.core.errors import PedecgError
from pedecg.rules import limit_rows

COLUMNS = (
    "measure", "sex", "age_from_days", "age_to_days",
    "p2", "p50", "p98", "unit", "source", "status",
)  # fmt: skip
UNITS = ("bpm", "ms", "deg", "mv", "ratio")
THRESHOLD_COLUMNS = (
    "name", "sex", "age_from_days", "age_to_days", "value", "unit", "source", "status",
)  # fmt: skip
LIMITS = Path(__file__).with_name("limits.csv")
THRESHOLDS = Path(__file__).with_name("thresholds.csv")
SOURCES = Path(__file__).with_name("limit_sources.csv")
UNCHECKED = "unchecked"
CONVENTION = "convention"
_BOUNDS = {  # of a percentile; of a range whose percentiles are not stated, or of a convention
    "percentile": ("2nd percentile", "98th percentile"),
}
_PLAIN_BOUNDS = ("lower limit", "upper limit")
ADULT_DAYS = 5844  # 16 years: the conventions of adults hold from here or later
SD_AT_LIMITS = 2.0537  # the 2nd and 98th percentile of a normal distribution lie 2.0537 SD out
LARGEST_Z = 10.0  # beyond it a z-score says no more than "far outside"

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Limit:
    """One row: the percentiles of a measure in a range of ages; NaN where none is stated."""

    measure: str
    sex: str
    age_from_days: float
    age_to_days: float
    p2: float
    p50: float
    p98: float
    unit: str
    source: str
    status: str
    at_days: float | None = None  # of a limit smoothed to an exact age

    @property
    def ages(self) -> str:
        """The age or the range of ages in words: ``age 12 days``, ``1-3 years``, ``adults``."""
        if self.kind == CONVENTION:
            return "adults" if self.age_from_days >= ADULT_DAYS else "this age"
        if self.at_days is not None:
            return f"age {age_text.in_words(self.at_days)}"
        return age_text.range_in_words(self.age_from_days, self.age_to_days)

    @property
    def kind(self) -> str:
        """``percentile``, ``range`` (percentiles not stated) or ``convention``, by the source."""
        return sources().get(self.source, {}).get("kind", "percentile")

    @property
    def middle(self) -> float:
        """The median; half-way between the limits where no median is stated."""
        return (self.p2 + self.p98) / 2 if math.isnan(self.p50) else self.p50

    def bound(self, above: bool) -> str:
        """Return what the limit is called, ``98th percentile`` or ``upper limit``."""
        return _BOUNDS.get(self.kind, _PLAIN_BOUNDS)[above]


@dataclass(frozen=True)
class Threshold:
    """One number that a criterion compares a measure with, in a half-open range of ages."""

    name: str
    sex: str
    age_from_days: float
    age_to_days: float
    value: float
    unit: str
    source: str
    status: str


@dataclass(frozen=True)
class Percentiles:
    """Limits at an exact age, interpolated between the middles of the rows."""

    p2: float
    p50: float
    p98: float


@dataclass(frozen=True)
class Limits:
    """All limits of a file, by measure and sex, in order of age, and the thresholds by name."""

    rows: dict[tuple[str, str], tuple[Limit, ...]]
    thresholds: dict[str, tuple[Threshold, ...]] = field(default_factory=dict)
    version: str = ""
    off: tuple[Limit, ...] = ()

    @cached_property
    def units(self) -> dict[str, str]:
        """Every measure of the file and its unit, in the file's order."""
        return {measure: rows[0].unit for (measure, _), rows in self.rows.items()}

    def column(self, measure: str) -> str:
        """Return the column of `tables.RULES` that holds a measure: ``qrs`` is in ``qrs_ms``."""
        unit = self.units[measure]
        return measure if unit == "ratio" else f"{measure}_{unit}"

    def rows_for(self, measure: str, age_days: float | None, sex: str | None) -> list[Limit]:
        """Return the limits at a child's exact age: two (one per sex) where the sex is unknown.

        A percentile that the row of that age does not state is NaN. Empty where the age is unknown
        or the file says nothing about it.
        """
        if age_days is None or math.isnan(age_days):
            return []
        age = float(age_days)
        return [
            _smooth(self._curves[key], limit, age)
            for key in self._keys(measure, sex)
            for limit in self.rows[key]
            if limit.age_from_days <= age < limit.age_to_days
        ]

    def percentiles(
        self, measure: str, age_days: float | None, sex: str | None
    ) -> Percentiles | None:
        """Return `rows_for` as one: the mean of both sexes where the sex is unknown, or None.

        A source that gives the range of a voltage without its median has the median half-way
        between the limits' square roots, since the square roots of voltages are about normal.
        """
        rows = self.rows_for(measure, age_days, sex)
        if not rows:
            return None
        n = len(rows)
        return Percentiles(
            sum(row.p2 for row in rows) / n,
            sum(_median(row) for row in rows) / n,
            sum(row.p98 for row in rows) / n,
        )

    def threshold(self, name: str, age_days: float | None, sex: str | None) -> Threshold | None:
        """Return the threshold for a child, or None where the file states none for it.

        A threshold that is the same at every age needs no age; where the sex is unknown, one that
        holds for girls or boys alone is none.

        Raises
        ------
        KeyError
            The file has no threshold of that name.
        """
        for row in self.thresholds[name]:
            ageless = row.age_from_days == 0 and math.isinf(row.age_to_days)
            known = age_days is not None and not math.isnan(age_days)
            of_age = ageless or (
                known and row.age_from_days <= float(age_days or 0.0) < row.age_to_days
            )
            if of_age and row.sex in ("any", sex):
                return row
        return None

    def _keys(self, measure: str, sex: str | None) -> list[tuple[str, str]]:
        wanted = ("any", sex) if sex in ("female", "male") else limit_rows.SEXES
        return [(measure, s) for s in wanted if s and (measure, s) in self.rows]

    @cached_property
    def _curves(self) -> dict[tuple[str, str], dict[str, Curve]]:
        return {
            key: {name: _curve(rows, name) for name in ("p2", "p50", "p98")}
            for key, rows in self.rows.items()
        }


def _curve(rows: tuple[Limit, ...], name: str) -> Curve:
    """Return the middles of the rows that state a percentile, log(days + 1), and its values."""
    stated = [
        (math.log1p((row.age_from_days + row.age_to_days) / 2), float(getattr(row, name)))
        for row in rows
        if row.kind != CONVENTION and not math.isnan(getattr(row, name))
    ]
    return np.array([at for at, _ in stated]), np.array([value for _, value in stated])


def _smooth(curves: dict[str, Curve], own: Limit, age_days: float) -> Limit:
    """Return the row of an age with each percentile that it states smoothed to that age.

    Linear in log(age + 1 day) between the middles of the rows that state the percentile, constant
    beyond the first and last middle.
    """
    if own.kind == CONVENTION:
        return own
    at = math.log1p(age_days)

    def value(name: str) -> float:
        if math.isnan(getattr(own, name)):
            return math.nan
        return float(np.interp(at, *curves[name]))

    return replace(own, p2=value("p2"), p50=value("p50"), p98=value("p98"), at_days=age_days)


def _median(row: Limit) -> float:
    if row.unit == "mv" and math.isnan(row.p50) and row.p2 >= 0:
        return ((math.sqrt(row.p2) + math.sqrt(row.p98)) / 2) ** 2
    return row.p50


@cache
def sources() -> dict[str, dict[str, str]]:
    """Return the columns of ``limit_sources.csv`` by source."""
    with SOURCES.open(encoding="utf-8", newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def z_score(
    limits: Limits, measure: str, value: float, age_days: float | None, sex: str | None
) -> float:
    """Return how many SD a value lies from the median of healthy children of that age and sex.

    The SD below the median is (p50 - p2) / 2.0537, above it (p98 - p50) / 2.0537, so that skewed
    measures keep their limits at z = -2.05 and 2.05. An axis is compared the short way round
    the circle. NaN where the value, the age or a limit is unknown; cut at -10 and 10.
    """
    known = limits.percentiles(measure, age_days, sex)
    if known is None or math.isnan(value) or math.isnan(known.p50):
        return math.nan
    away = distance(limits.units[measure], value, known.p50)
    spread = (known.p98 - known.p50 if away > 0 else known.p50 - known.p2) / SD_AT_LIMITS
    if math.isnan(spread):
        return math.nan
    if spread > 0:
        return float(np.clip(away / spread, -LARGEST_Z, LARGEST_Z))
    return math.copysign(LARGEST_Z, away) if away else 0.0


def distance(unit: str, value: float, middle: float) -> float:
    """Return value - middle; for degrees the short way round, -180 to 180."""
    if unit == "deg":
        return (value - middle + 180.0) % 360.0 - 180.0
    return value - middle


def load(path: str | Path, thresholds: str | Path = THRESHOLDS) -> Limits:
    """Read and check a file of limits and one of thresholds.

    Rows of status ``unchecked`` are checked for their form and kept in `Limits.off`. A hospital
    that wants one gives it another status in a file of its own.

    Raises
    ------
    PedecgError
        One line that names the file and line: a column missing or renamed, something that is no
        number, an unknown sex or unit, percentiles out of order, ages that overlap or leave a gap,
        a threshold that the criteria use and the file lacks.
    """
    path, other = Path(path), Path(thresholds)
    version, lines = limit_rows.read(path, COLUMNS, "limits")
    every = [_limit(row, place) for row, place in lines]
    _by_measure_and_sex(every, path)  # a row that is off is checked all the same
    rows = [row for row in every if row.status != UNCHECKED]
    named: dict[str, list[Threshold]] = defaultdict(list)
    for row, place in limit_rows.read(other, THRESHOLD_COLUMNS, "thresholds")[1]:
        threshold = _threshold(row, place)
        named[row["name"]] += [threshold] if threshold.status != UNCHECKED else []
    if lacking := [name for name in _threshold_names() if name not in named]:
        raise PedecgError(
            f"{other}: lacks {', '.join(lacking)}; copy these rows from {THRESHOLDS.name} of pedecg"
        )
    return Limits(
        _by_measure_and_sex(rows, path),
        {name: tuple(group) for name, group in named.items()},
        version,
        tuple(row for row in every if row not in rows),
    )


@cache
def _threshold_names() -> tuple[str, ...]:
    """Return the names of the shipped thresholds: a hospital's file states all of them too."""
    return tuple(
        {
            row["name"]: None
            for row, _ in limit_rows.read(THRESHOLDS, THRESHOLD_COLUMNS, "thresholds")[1]
        }
    )


def _limit(row: dict[str, str], place: str) -> Limit:
    """Turn one line into a `Limit`, or say what is wrong with it."""
    if row["unit"] not in UNITS:
        raise PedecgError(f"{place}: unit must be {', '.join(UNITS)} (found {row['unit']!r})")
    first, last, p2, p50, p98 = (limit_rows.number(row, name, place) for name in COLUMNS[2:7])
    if not 0 <= first < last:
        raise PedecgError(f"{place}: age_from_days must be below age_to_days ({first}, {last})")
    stated = [p for p in (p2, p50, p98) if not math.isnan(p)]
    if not stated or stated != sorted(stated):
        raise PedecgError(f"{place}: expected p2 <= p50 <= p98 (found {p2:g}, {p50:g}, {p98:g})")
    return Limit(
        row["measure"], row["sex"], first, last, p2, p50, p98,
        row["unit"], row["source"], row["status"],
    )  # fmt: skip


def _threshold(row: dict[str, str], place: str) -> Threshold:
    """Turn one line into a `Threshold`; an empty ``age_to_days`` has no end."""
    first, value = (limit_rows.number(row, name, place) for name in ("age_from_days", "value"))
    last = limit_rows.number(row, "age_to_days", place) if row["age_to_days"].strip() else math.inf
    if not 0 <= first < last:
        raise PedecgError(f"{place}: age_from_days must be below age_to_days ({first}, {last})")
    return Threshold(
        row["name"], row["sex"], first, last, value, row["unit"], row["source"], row["status"]
    )


def _by_measure_and_sex(rows: list[Limit], path: Path) -> dict[tuple[str, str], tuple[Limit, ...]]:
    grouped: dict[tuple[str, str], list[Limit]] = defaultdict(list)
    for row in rows:
        grouped[row.measure, row.sex].append(row)
    for (measure, sex), group in grouped.items():
        place = f"{path}: {measure} ({sex})"
        if sex == "any" and len({s for m, s in grouped if m == measure}) > 1:
            raise PedecgError(f"{path}: {measure} has rows for 'any' besides rows for one sex")
        if len({row.unit for row in rows if row.measure == measure}) > 1:
            raise PedecgError(f"{path}: {measure} has rows in different units")
        group.sort(key=lambda row: row.age_from_days)
        for young, old in pairwise(group):
            if young.age_to_days != old.age_from_days:
                fault = "overlap" if young.age_to_days > old.age_from_days else "leave a gap"
                raise PedecgError(
                    f"{place}: ages {young.age_from_days:g}-{young.age_to_days:g} and "
                    f"{old.age_from_days:g}-{old.age_to_days:g} days {fault}"
                )
    return {key: tuple(group) for key, group in grouped.items()}
