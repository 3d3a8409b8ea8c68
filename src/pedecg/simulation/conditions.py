"""Diseases and findings as data: how each one moves the heart, and how common it is.

One row of ``conditions.csv`` is one condition. A column that ends in ``_x`` multiplies a trait at
full severity, one that holds ``_add`` adds to it; in between the effect is linear in the severity.
The directions are those of the textbooks (Park, Guntheroth: How to read pediatric ECGs); the
sizes are assumptions.

Five effects are of a kind that no rule measures, so that a network that reads the signal has
something to find: a symmetrical T (``t_symmetry``), a hump on the rise of T (``t_hump``), T of
every other beat larger (``alternans``, share of T), a fragmented QRS (``fragmented``) and a notched
P (``p_notch``). They leave duration, height and axis of the wave nearly as they are. A fragmented
QRS is a sign of scars (Das MK et al. Circulation 2006;113:2495-2501) and, as crochetage, of atrial
septal defect (Heller J et al. J Am Coll Cardiol 1996;27:877-882). The other effects, and their
sizes, are assumptions.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

GROUPS = ("chd", "myocarditis", "kawasaki", "cardiomyopathy")


@dataclass(frozen=True)
class Condition:
    """One disease (with its ICD-10 key) or one finding (without).

    Attributes
    ----------
    group : one of `GROUPS`, or "finding".
    share : weight within its group of diseases, or probability of the finding from 1 year on.
    infant_share : the same below 1 year.
    rhythm : name in `beat_times.RHYTHMS`; empty where it stays sinus rhythm.
    effects : column -> value, without those that change nothing.
    """

    name: str
    group: str
    icd10: str
    share: float
    infant_share: float
    rhythm: str
    effects: dict[str, float]


@cache
def conditions() -> dict[str, Condition]:
    """Return all conditions by name."""
    with resources.files("pedecg.simulation").joinpath("conditions.csv").open() as file:
        table = pd.read_csv(file, dtype={"icd10": str, "rhythm": str}, keep_default_na=False)
    plain = ["name", "group", "icd10", "share", "infant_share", "rhythm"]
    rows: list[dict[str, Any]] = [
        {str(key): value for key, value in row.items()} for row in table.to_dict("records")
    ]
    found = [
        Condition(
            **{key: row[key] for key in plain},
            effects={
                column: float(size)
                for column, size in row.items()
                if column not in plain and size != _neutral(column)
            },
        )
        for row in rows
    ]
    return {condition.name: condition for condition in found}


def members(group: str) -> list[Condition]:
    """Return the conditions of one group, in the order of the table."""
    return [condition for condition in conditions().values() if condition.group == group]


def moved(traits: dict[str, float], severities: dict[str, float]) -> dict[str, float]:
    """Return the traits after every condition has moved them by its severity (0 to 1)."""
    result = dict(traits)
    for name, severity in severities.items():
        for column, size in conditions()[name].effects.items():
            trait, by = _trait(column)
            if by == "x":
                result[trait] *= 1 + severity * (size - 1)
            else:
                result[trait] += severity * size
    return result


def _trait(column: str) -> tuple[str, str]:
    """Split ``axis_add_deg`` into the trait ``axis_deg`` and "add", ``rate_x`` into `rate`, "x"."""
    if column.endswith("_x"):
        return column.removesuffix("_x"), "x"
    return column.replace("_add", ""), "add"


def _neutral(column: str) -> float:
    return 1.0 if column.endswith("_x") else 0.0
