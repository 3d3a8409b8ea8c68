"""Age and sex from the comments of a WFDB header, which every data set writes in its own way."""

import re
from collections.abc import Iterable

from pedecg.cohorts import ages
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

_SEX: dict[str, Sex] = {"f": "female", "female": "female", "m": "male", "male": "male"}
_DAYS = re.compile(r"(?P<sex>fe?male|male)\s+(?P<age>\d+)", re.IGNORECASE)  # ZZU-pECG: Female 2740
_YEARS = re.compile(r"(?P<age>\d+)\s+(?P<sex>[mf])\b.*", re.IGNORECASE)  # MIT-BIH, QTDB: 69 M 1085
_KEYED = re.compile(r"<?(?P<key>age|sex|gender)>?\s*:\s*(?P<value>.+)", re.IGNORECASE)  # LUDB, CinC


def age_and_sex(comments: Iterable[str]) -> tuple[int | None, Sex | None]:
    """Return the age in days and the sex; None where no comment says them.

    A bare age is in years, but for ZZU-pECG's ``Female 2740``, which is in days.
    """
    age: int | None = None
    sex: Sex | None = None
    for comment in comments:
        if (line := _DAYS.fullmatch(comment)) is not None:
            age, sex = _days(line["age"], "days"), _SEX[line["sex"].lower()]
        elif (line := _YEARS.fullmatch(comment)) is not None:
            age, sex = _days(line["age"], "years"), _SEX[line["sex"].lower()]
        elif (line := _KEYED.fullmatch(comment)) is not None:
            if line["key"].lower() == "age":
                age = _days(line["value"], "years")
            else:
                sex = _SEX.get(line["value"].strip().lower())
    return age, sex


def _days(cell: str, unit: str) -> int | None:
    try:
        return ages.in_days(cell, unit)
    except RecordFault:
        return None  # as `NaN` in CinC 2021
