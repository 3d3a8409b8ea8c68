"""Age and sex from the comments of a WFDB header, which every data set writes in its own way."""

import re
from collections.abc import Iterable

from pedecg.cohorts import ages
from pedecg.cohorts.formats import file_ecg, numbers
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

_SEX_THEN_AGE = re.compile(
    r"(?P<sex>female|male)\s+(?P<age>[0-9.]+)\s*(?P<unit>[a-z]*)", re.IGNORECASE
)
_AGE_THEN_SEX = re.compile(r"(?P<age>[0-9]+)\s+(?P<sex>[mf])\b.*", re.IGNORECASE)  # MIT-BIH, QTDB
_KEY = re.compile(r"<?\b(age|sex|gender|height|weight|dx|rx|hx|sx)\b>?\s*[:=]", re.IGNORECASE)
_AGE = re.compile(r"([0-9]+(?:\.[0-9]*)?)\s*([a-z]*)", re.IGNORECASE)
_MOST_YEARS = ages.OLDEST_DAYS // 365
_LONGEST = 2000  # characters of a comment that are looked at


def age_and_sex(comments: Iterable[str]) -> tuple[int | None, Sex | None]:
    """Return the age in days and the sex; None where no comment says them.

    A bare age is in years, but for ZZU-pECG's first comment (``Female 2740``), which is in days: it
    is one where diagnoses follow it or no human lives so many years. 0 years, as data sets write
    for every infant, is below one year and no age in days: None.
    """
    lines = [comment[:_LONGEST] for comment in comments]
    age: int | None = None
    sex: Sex | None = None
    for number, line in enumerate(lines):
        if (found := _SEX_THEN_AGE.fullmatch(line)) is not None:
            sex = file_ecg.sex(found["sex"])
            stated = numbers.number(found["age"])
            days = stated is not None and (stated > _MOST_YEARS or number < len(lines) - 1)
            age = _days(found["age"], found["unit"] or ("days" if days else ""))
        elif (found := _AGE_THEN_SEX.fullmatch(line)) is not None:
            age, sex = _days(found["age"], "years"), file_ecg.sex(found["sex"])
        else:
            stated_age, stated_sex = _keyed(line)
            age = stated_age if stated_age is not None else age
            sex = stated_sex or sex
    return age, sex


def _keyed(line: str) -> tuple[int | None, Sex | None]:
    """Read ``Age: 62  Sex: M`` and ``<age>: 28  <sex>: M  <Height>: 170``."""
    age: int | None = None
    sex: Sex | None = None
    keys = list(_KEY.finditer(line))
    ends = [*(key.start() for key in keys[1:]), len(line)][: len(keys)]
    for key, end in zip(keys, ends, strict=True):
        cell = line[key.end() : end].strip(" \t,;|")
        if key[1].lower() == "age" and (found := _AGE.fullmatch(cell)) is not None:
            age = _days(found[1], found[2] or "years")
        elif key[1].lower() in ("sex", "gender"):
            sex = file_ecg.sex(cell)
    return age, sex


def _days(cell: str, unit: str) -> int | None:
    unit = "months" if unit == "M" else unit  # 3M
    try:
        return file_ecg.age_days(cell, unit, None, None)
    except RecordFault:
        return None  # as 300 years
