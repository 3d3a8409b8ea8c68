"""A hospital's own centiles of its measures, from its normal training patients.

They become a file of limits in the format of `norms`. Its age groups are those of the file of
limits in use. A row is replaced where the patients bound its 2nd and its 98th centile on both
sides; elsewhere, and for adults' conventions, the row in use is kept.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import age_groups
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.rules import criterion_logic, limit_rows, norms, quantile_curves
from pedecg.rules.norms import Limit, Limits

SOURCE = "own centiles"
STATUS = "own"
BOTH = "both"  # girls and boys together
SEXES = ("female", "male")
COLUMNS = (
    "measure", "unit", "sex", "fitted_on", "patients", "age_from_days", "age_to_days", "at_days",
    "patients_of_age",
    *(f"{name}{end}" for name in ("p2", "p50", "p98") for end in ("", "_low", "_high", "_in_use")),
)  # fmt: skip
# A hundredth of a square on paper, and a tenth of the last digit that is read of the others.
_DIGITS = {"mv": 3, "ratio": 3, "bpm": 1, "ms": 1, "deg": 1}

_KNOTS = (4, 12)  # fewest and most: limits have about as many age groups
_NAMES = ("p2", "p50", "p98")

Values = NDArray[np.float64]


class NormsSettings(Section):
    """Section `norms`."""

    target: str | None = Field(
        description="target whose training records are normal; null: records without any target"
    )
    measures: list[str] = Field(
        description="measures to fit, columns of rules.parquet; empty: every measure in bpm, ms, "
        "degrees or mV and every ratio"
    )
    patients_per_knot: int = Field(
        description="patients for each knot of the spline in log age, which has 4 to 12; fewer "
        "follow changes with age more closely and widen the intervals",
        ge=50,
    )
    min_patients: int = Field(
        description="smallest number of patients for centiles; girls and boys are fitted together "
        "where one sex has fewer",
        ge=20,
    )
    min_patients_of_age: int = Field(
        description="smallest number of patients in the youngest and the oldest fitted age group",
        ge=1,
    )


@dataclass(frozen=True)
class Measured:
    """The values of one measure in normal patients, and what is fitted to them.

    Attributes
    ----------
    patients : columns age_days, sex, value; one row per patient.
    groups : rows of the limits in use by sex; of a measure without limits, its age groups.
    """

    name: str
    unit: str
    patients: pd.DataFrame
    groups: dict[str, tuple[Limit, ...]]


def measured(
    rules: pd.DataFrame,
    records: pd.DataFrame,
    normal: Iterable[str],
    limits: Limits,
    columns: Sequence[str],
) -> list[Measured]:
    """Return the valid values of each measure, one per patient: that of the first examination.

    Parameters
    ----------
    rules, records : `tables.RULES`, `tables.RECORDS`.
    normal : ids of the normal training records.
    columns : of `rules`; empty: all in a unit of `norms.UNITS`.

    Raises
    ------
    PedecgError
        A column is no measure with a unit of `norms.UNITS`.
    """
    wanted = sorted(set(normal))
    about = records.set_index("record_id").loc[wanted, ["patient_id", "age_days", "sex"]]
    about = about[about["age_days"].notna() & about["sex"].isin(SEXES)]
    own = rules.set_index("record_id").reindex(about.index)
    table = about.join(own).sort_values(["patient_id", "age_days"], kind="stable")
    found = []
    for column in columns or _all_measures(rules):
        if f"valid_{column}" not in rules or _unit(column) is None:
            raise PedecgError(
                f"norms.measures: {column!r} is no measure in {', '.join(norms.UNITS)}; "
                "expected a column of rules.parquet such as qrs_ms"
            )
        valid = table[table[f"valid_{column}"].fillna(False).astype(bool) & table[column].notna()]
        first = valid.drop_duplicates("patient_id")
        patients = pd.DataFrame(
            {
                "age_days": first["age_days"].to_numpy(np.float64),
                "sex": first["sex"].to_numpy(str),
                "value": first[column].to_numpy(np.float64),
            }
        )
        unit = _unit(column) or ""
        name = column if unit == "ratio" else column.removesuffix(f"_{unit}")
        found.append(Measured(name, unit, patients, _groups(limits, name, unit)))
    return found


def centiles(one: Measured, settings: NormsSettings) -> pd.DataFrame:
    """Return the centiles of one measure by sex and age group with intervals, columns `COLUMNS`.

    The centiles are those of the middle of the group. An interval's end that the patients do not
    bound is NaN. Empty where there are fewer than `min_patients`.
    """
    counts = one.patients["sex"].value_counts()
    apart = all(counts.get(sex, 0) >= settings.min_patients for sex in SEXES)
    rows: list[dict[str, Any]] = []
    for sex in SEXES:
        own = one.patients[one.patients["sex"] == sex] if apart else one.patients
        if len(own) < settings.min_patients:
            continue
        age, value = own["age_days"].to_numpy(), own["value"].to_numpy()
        kept = _supported(one.groups[sex], age, settings.min_patients_of_age)
        if not kept:
            continue
        middle = np.array([(row.age_from_days + row.age_to_days) / 2 for row in kept])
        centre = _centre(value) if one.unit == "deg" else 0.0
        turned = _away(one.unit, value, centre)
        inside = np.clip(middle, age.min(), age.max())
        knots = int(np.clip(len(own) // settings.patients_per_knot, *_KNOTS))
        fitted = quantile_curves.fit(age, turned, inside, knots)
        for column, row in enumerate(kept):
            of_age = int(((age >= row.age_from_days) & (age < row.age_to_days)).sum())
            found: dict[str, Any] = {
                "measure": one.name, "unit": one.unit, "sex": sex,
                "fitted_on": sex if apart else BOTH, "patients": len(own),
                "age_from_days": row.age_from_days, "age_to_days": row.age_to_days,
                "at_days": middle[column], "patients_of_age": of_age,
            }  # fmt: skip
            for line, name in enumerate(_NAMES):
                found[name] = fitted.value[line, column] + centre
                found[f"{name}_low"] = fitted.low[line, column] + centre
                found[f"{name}_high"] = fitted.high[line, column] + centre
                found[f"{name}_in_use"] = getattr(row, name)
            rows.append(found)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [name for name in COLUMNS if name.startswith("p") and not name.startswith("patients")]
    table[numbers] = table[numbers].astype(np.float64).round(_DIGITS[one.unit])
    return table


def bounded(fitted: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose 2nd and 98th centiles the patients bound on both sides."""
    ends = [f"{name}{end}" for name in ("p2", "p98") for end in ("_low", "_high")]
    return fitted[fitted[ends].notna().all(axis=1)]


def limits_rows(fitted: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Return a file of limits: fitted rows that are bounded, and elsewhere those in use.

    A measure without limits in use has no others to fill a gap: of its rows, the longest run of
    adjoining ages is taken.

    Parameters
    ----------
    fitted : `centiles` of all measures.

    Returns
    -------
    Columns `norms.COLUMNS`, by measure, sex and age.
    """
    usable = bounded(fitted)
    rows: list[dict[str, Any]] = []
    for measure in dict.fromkeys([*limits.units, *usable["measure"]]):
        for sex in SEXES:
            own = usable[(usable["measure"] == measure) & (usable["sex"] == sex)]
            by_age = {row["age_from_days"]: row for row in own.to_dict("records")}
            kept = _rows_in_use(limits, measure, sex)
            for row in kept:
                new = by_age.get(row.age_from_days)
                rows.append(_row(new) if new else _of_limit(row, sex))
            if measure not in limits.units:
                rows += map(_row, _longest_run(list(by_age.values())))
    return pd.DataFrame(rows, columns=list(norms.COLUMNS))


def limits_file(rows: pd.DataFrame, cohort: str, in_use: Limits) -> str:
    """Return the text of a file of limits, whose version names the cohort."""
    version = f"{limit_rows.VERSION} own centiles of {cohort}; otherwise version {in_use.version}"
    return version.rstrip() + "\n" + rows.to_csv(index=False, lineterminator="\n")


def summary(
    fitted: pd.DataFrame, measures: Sequence[Measured], normal_records: int
) -> dict[str, Any]:
    """Return which measures were fitted, on how many patients, and how they lie to those in use.

    ``replaced``: rows, of ``rows``, that the patients bound and the file of limits takes.
    ``differ``: centiles whose limit in use lies outside the interval, of ``compared``.
    """
    by_measure = {}
    for one in measures:
        own = fitted[fitted["measure"] == one.name]
        about: dict[str, Any] = {"patients": len(one.patients), "rows": len(own)}
        if len(own):
            stated = [(own[f"{p}_in_use"], own[f"{p}_low"], own[f"{p}_high"]) for p in _NAMES]
            outside = [((x < low) | (x > high)).sum() for x, low, high in stated]
            about |= {
                "fitted_on": "female, male" if own["fitted_on"].iloc[0] != BOTH else BOTH,
                "replaced": len(bounded(own)),
                "compared": int(sum(x.notna().sum() for x, _, _ in stated)),
                "differ": int(sum(outside)),
            }
        by_measure[one.name] = about
    return {
        "normal_records": normal_records,
        "fitted": sum(one["rows"] > 0 for one in by_measure.values()),
        "replaced_rows": len(bounded(fitted)),
        "too_few_patients": [name for name, one in by_measure.items() if not one["rows"]],
        "by_measure": by_measure,
    }


def together(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put the centiles of all measures together."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))


def _all_measures(rules: pd.DataFrame) -> list[str]:
    measures = [
        name.removeprefix("valid_") for name in map(str, rules) if name.startswith("valid_")
    ]
    return [name for name in measures if _unit(name) is not None]


def _unit(column: str) -> str | None:
    unit = criterion_logic.unit_of(column)
    return unit if unit in norms.UNITS else None


def _groups(limits: Limits, measure: str, unit: str) -> dict[str, tuple[Limit, ...]]:
    """Return the rows of a measure in use, without conventions; else the groups of ages."""
    if measure in limits.units:
        rows = {sex: _rows_in_use(limits, measure, sex) for sex in SEXES}
        return {
            sex: tuple(row for row in own if row.kind != norms.CONVENTION)
            for sex, own in rows.items()
        }
    starts = age_groups.NORMAL_LIMITS.starts_days
    nothing = math.nan
    groups = tuple(
        Limit(measure, "any", start, end, nothing, nothing, nothing, unit, SOURCE, STATUS)
        for start, end in itertools.pairwise(starts)
    )
    return dict.fromkeys(SEXES, groups)


def _rows_in_use(limits: Limits, measure: str, sex: str) -> tuple[Limit, ...]:
    return limits.rows.get((measure, sex)) or limits.rows.get((measure, "any")) or ()


def _supported(rows: tuple[Limit, ...], age: Values, enough: int) -> tuple[Limit, ...]:
    """Return the rows from the first to the last whose age group holds enough patients."""
    held = [
        place
        for place, row in enumerate(rows)
        if ((age >= row.age_from_days) & (age < row.age_to_days)).sum() >= enough
    ]
    return rows[held[0] : held[-1] + 1] if held else ()


def _away(unit: str, values: Values, middle: float) -> Values:
    """Return the values; of angles their distance from a middle, the short way round."""
    return (values - middle + 180.0) % 360.0 - 180.0 if unit == "deg" else values


def _centre(angles_deg: Values) -> float:
    """Return the mean direction: angles are fitted as distances from it."""
    radians = np.deg2rad(angles_deg)
    mean = math.atan2(float(np.sin(radians).mean()), float(np.cos(radians).mean()))
    return float(round(math.degrees(mean)))


def _longest_run(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the longest run of rows of which each begins where the one before ends."""
    runs: list[list[dict[str, Any]]] = []
    for row in rows:
        if runs and runs[-1][-1]["age_to_days"] == row["age_from_days"]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return max(runs, key=len, default=[])


def _row(own: dict[str, Any]) -> dict[str, Any]:
    return {**{name: own.get(name) for name in norms.COLUMNS}, "source": SOURCE, "status": STATUS}


def _of_limit(row: Limit, sex: str) -> dict[str, Any]:
    kept = replace(row, sex=sex)
    return {name: getattr(kept, name) for name in norms.COLUMNS}
