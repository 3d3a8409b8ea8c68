"""Age and sex from the comments of a WFDB header, which every data set writes in its own way."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pedecg.cohorts import ages
from pedecg.cohorts.formats import file_ecg
from pedecg.core.records import Sex

# ZZU-pECG: Female 2740, in days; others: Male 45, or female 67 years.
_SEX_THEN_AGE = re.compile(r"(?P<sex>fe?male|male)\s+(?P<age>[0-9.]+\s*[a-z]*)", re.IGNORECASE)
_YEARS = re.compile(r"(?P<age>[0-9]+)\s+(?P<sex>[mf])\b.*", re.IGNORECASE)  # MIT-BIH: 69 M 1085
_KEYS = re.compile(
    r"[\s,;|]*<?\b([A-Za-z]+)\b>?\s*[:=]\s*"
)  # LUDB, CinC: <age>: 28  <sex>: M, Age: 8y
_OF_ZZU = re.compile(r"P[0-9]{5}_E[0-9]{2}")
_LONGEST = 2000  # characters of a comment that are looked at
_OLDEST_YEARS = 125  # a bare number beyond it is in days


@dataclass(frozen=True)
class Patient:
    """What a header's comments say of the patient."""

    age: ages.Age = ages.UNKNOWN
    sex: Sex | None = None


def patient(comments: Iterable[str], record_id: str = "") -> Patient:
    """Return age and sex; unknown where no comment says them.

    A bare age is in years where its key or its data set says so (``Age: 8``, ``69 M``), in days
    in ZZU-pECG's ``Female 2740``. In ``Male 45`` of another record it could be either: the age
    is unknown and says why.

    Parameters
    ----------
    record_id : the record's name, by which those of ZZU-pECG are known.
    """
    age, sex = ages.UNKNOWN, None
    for comment in (line[:_LONGEST].strip() for line in comments):
        if (line := _SEX_THEN_AGE.fullmatch(comment)) is not None:
            age, sex = _of_zzu(line["age"], record_id), file_ecg.sex(line["sex"])
        elif (line := _YEARS.fullmatch(comment)) is not None:
            age, sex = _read(line["age"], "years"), file_ecg.sex(line["sex"])
        else:
            _, *parts = _KEYS.split(comment)
            for key, value in zip(parts[::2], parts[1::2], strict=True):
                if key.lower() == "age":
                    age = _read(value, "years")
                elif key.lower() in ("sex", "gender"):
                    sex = file_ecg.sex(value)
    return Patient(age, sex)


def _of_zzu(cell: str, record_id: str) -> ages.Age:
    days = _OF_ZZU.fullmatch(record_id) or (ages.has_no_unit(cell) and float(cell) > _OLDEST_YEARS)
    return _read(cell, "days" if days else "")


def _read(cell: str, unit: str) -> ages.Age:
    """Return an age; free text, which may hold a name, is not quoted."""
    found = ages.read_or_note(cell, unit)
    if found.days is None and found.below_days is None and any(map(str.isalpha, cell)):
        return ages.Age(note="the age in the header cannot be read")
    return found
