"""Targets of ZZU-pECG: abnormality, groups of diseases, and single congenital heart defects.

The single defects are those of ``codes/heart_defects.csv``: which keys of ``disease_codes.csv`` say
that the defect is present, and which do not tell. A child may have several defects.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pedecg.cohorts import code_vocabularies
from pedecg.cohorts.code_vocabularies import DISEASE_CODES, Finding

DEFECT_CODES = DISEASE_CODES.with_name("heart_defects.csv")
HEART_DEFECTS = "Congenital heart disease"
# Groups of DiseaseCode.csv; Q24.8 stands there as a cardiomyopathy and I37.0 as a heart defect.
OF_GROUP = {
    HEART_DEFECTS: "chd",
    "Myocarditis": "myocarditis",
    "Cardiomyopathy": "cardiomyopathy",
    "Kawasaki disease": "kawasaki",
}
USUAL = ("abnormal", "abnormal_beyond_rate", *OF_GROUP.values())


@dataclass(frozen=True)
class Defect:
    """Keys by which one heart defect is present, and those that do not tell whether it is."""

    present: frozenset[str]
    unknown: frozenset[str]


def selectable() -> tuple[str, ...]:
    """Return every target that a run may have, in the order of its columns."""
    return (*USUAL, *defects())


def diseases(diagnosed: Sequence[Finding], unlisted: int | None) -> dict[str, int | None]:
    """Return one label per group of diseases and per heart defect: 1, 0 or None (unknown).

    A group or defect that is not named is absent only where every diagnosis could be read, None
    where none was written. Where a diagnosis of its chapter is none of the study's keys, a group is
    `unlisted`; a single defect is unknown then, unless `unlisted` says that the group is absent.
    """
    groups = {disease.group for d in diagnosed if (disease := code_vocabularies.disease_of(d.code))}
    near = {group for d in diagnosed for group in code_vocabularies.unlisted_groups(d.code)}
    absent = 0 if diagnosed and all(d.known for d in diagnosed) else None
    labels: dict[str, int | None] = dict.fromkeys(OF_GROUP.values(), absent)
    labels |= {OF_GROUP[group]: unlisted for group in near}
    labels |= {OF_GROUP[group]: 1 for group in groups}
    keys = {code_vocabularies.code_key(d.code) for d in diagnosed}
    if HEART_DEFECTS in near and unlisted != 0:
        absent = None
    return labels | {name: _label(one, keys, absent) for name, one in defects().items()}


def _label(defect: Defect, keys: set[str], absent: int | None) -> int | None:
    if defect.present & keys:
        return 1
    return None if defect.unknown & keys else absent


@cache
def defects() -> dict[str, Defect]:
    """Return the heart defects of ``codes/heart_defects.csv`` by target."""
    with DEFECT_CODES.open(encoding="utf-8", newline="") as file:
        return {
            row["target"]: Defect(_keys(row["present"]), _keys(row["unknown"]))
            for row in csv.DictReader(file)
        }


def _keys(cell: str) -> frozenset[str]:
    return frozenset(code_vocabularies.code_key(code) for code in cell.split(";") if code)
