"""Ages in days, from cells that say their unit.

An age is a number of days, or it is not known and says why: 0 in whole years is any day of the
first year, and a number without a unit could be a toddler's days or an adolescent's years.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.age_text import DAYS_PER_MONTH, DAYS_PER_YEAR

_SHOWN = 40  # characters of a cell in a message
OLDEST_DAYS = 45_000  # 123 years: nobody is known to have grown older
# A column of bare numbers up to here may be years of adults or months of children; a column that
# goes beyond is in days: 250 months are 21 years.
LARGEST_AMBIGUOUS = 250

_DAYS_PER_UNIT = {
    **dict.fromkeys(("h", "hour", "hours"), 1 / 24),
    **dict.fromkeys(("d", "day", "days"), 1.0),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7.0),
    **dict.fromkeys(("m", "mo", "month", "months"), DAYS_PER_MONTH),  # m: DICOM's 003M, no minutes
    **dict.fromkeys(("y", "yr", "year", "years", "a"), DAYS_PER_YEAR),  # a: annus, in HL7
}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_AGE = re.compile(rf"(?P<sign>[+-]?)(?P<number>{_NUMBER})\s*(?P<unit>[a-z]*)")
_PARTS = re.compile(rf"(?:{_NUMBER}\s*[a-z]+[\s,]*)+")  # 2y 3mo
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)")


@dataclass(frozen=True)
class Age:
    """An age as a source states it.

    Attributes
    ----------
    days : None where the day is not known.
    below_days : where it is not, an age that it does not reach, days: 366 for 0 years.
    note : why the day is not known, in words; "" where it is, or where no age is stated.
    """

    days: int | None = None
    below_days: int | None = None
    note: str = ""


UNKNOWN = Age()


def is_unit(word: str) -> bool:
    """Return whether a word is a unit of age, in any case."""
    return word.strip().lower() in _DAYS_PER_UNIT


def days_per(unit: str) -> float:
    """Return the days of one unit of age."""
    return _DAYS_PER_UNIT[unit.strip().lower()]


def read(cell: str, unit: str = "") -> Age:
    """Read ``572d``, ``18 months``, ``2y 3mo`` or, where the column has a `unit`, ``1.5``.

    Whole years stand for the birthday: 17 years are 6209 days (365.25 days per year, rounded). 0
    in weeks, months or years is any day below one of them, not the day of birth.

    Raises
    ------
    RecordFault
        invalid-age: no number, no unit or an unknown one, negative, or implausibly large. A
        number without a unit is never guessed: 572 is a toddler in days and nobody in years.
    """
    text = cell.strip().lower()
    match = _AGE.fullmatch(text)
    if match is None and _PARTS.fullmatch(text):
        parts = [(float(number), named) for number, named in _PART.findall(text)]
    elif match is None:
        raise RecordFault("invalid-age", f"age {cell!r}; expected a number and its unit, as 572d")
    else:
        parts = [(float(match["number"]), match["unit"] or unit)]
        if not parts[0][1]:
            raise RecordFault("invalid-age", f"age {cell!r} has no unit; expected e.g. {cell}d")
    if any(named not in _DAYS_PER_UNIT for _, named in parts):
        raise RecordFault("invalid-age", f"age {cell!r}: unknown unit; expected h, d, w, mo or y")
    days = sum(number * _DAYS_PER_UNIT[named] for number, named in parts)
    if (match is not None and match["sign"] == "-") or days > OLDEST_DAYS:
        raise RecordFault("invalid-age", f"age {_short(cell)}; expected 0 to {OLDEST_DAYS} days")
    if all(number == 0 for number, _ in parts):
        smallest = min(_DAYS_PER_UNIT[named] for _, named in parts)
        if smallest > 1:
            return _below_one(smallest)
    return Age(round(days))


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…")


def _below_one(days_per_unit: float) -> Age:
    below = int(days_per_unit) + 1
    return Age(below_days=below, note=note_below(below))


def note_below(below_days: int) -> str:
    """Return what an age of 0 whole weeks, months or years means, from `Age.below_days`."""
    unit = {8: "week", 31: "month", 366: "year"}[below_days]
    return f"age below one {unit}, the day is not known"


def in_days(cell: str, unit: str = "") -> int:
    """Return `read` in days.

    Raises
    ------
    RecordFault
        invalid-age: also where the day is not known, as for 0 years.
    """
    found = read(cell, unit)
    if found.days is None:
        raise RecordFault("invalid-age", f"{found.note}; expected e.g. 20d, 5w or 7mo")
    return found.days


def read_or_note(cell: str, unit: str = "") -> Age:
    """Return `read`; where it fails an unknown age that says why."""
    try:
        return read(cell, unit)
    except RecordFault as fault:
        return Age(note=fault.detail)


def ask(cell: str) -> str:
    """Return the question that a bare number raises."""
    number = cell.strip()
    return (
        f"no unit: {number} days, weeks, months or years? "
        f"expected {number}d, {number}w, {number}mo or {number}y"
    )


def has_no_unit(cell: str) -> bool:
    """Return whether a cell is a bare number."""
    match = _AGE.fullmatch(cell.strip().lower())
    return match is not None and not match["unit"]


def ambiguous(cells: Iterable[str]) -> str | None:
    """Return the largest of bare numbers where they could be in several units, else None.

    None where no cell is a bare number, or where one lies beyond `LARGEST_AMBIGUOUS`: such a
    column is in days.
    """
    bare = [cell.strip() for cell in cells if has_no_unit(cell)]
    largest = max(bare, key=float, default=None)
    return None if largest is None or float(largest) > LARGEST_AMBIGUOUS else largest
