"""Ages in days, from cells that say their unit."""

import re

from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.age_text import DAYS_PER_MONTH, DAYS_PER_YEAR

OLDEST_DAYS = 45_000  # 123 years: nobody is known to have grown older

_DAYS_PER_UNIT = {
    **dict.fromkeys(("h", "hour", "hours"), 1 / 24),
    **dict.fromkeys(("d", "day", "days"), 1.0),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7.0),
    **dict.fromkeys(("mo", "month", "months"), DAYS_PER_MONTH),
    **dict.fromkeys(("y", "yr", "year", "years", "a"), DAYS_PER_YEAR),  # a: annus, in HL7
}
_AGE = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)")


def is_unit(word: str) -> bool:
    """Say whether a word is a unit of age, in any case."""
    return word.strip().lower() in _DAYS_PER_UNIT


def days_per(unit: str) -> float:
    """Return the days of one unit of age."""
    return _DAYS_PER_UNIT[unit.strip().lower()]


def in_days(cell: str, unit: str = "") -> int:
    """Read ``572d``, ``18 months`` or, where the column has a `unit`, ``1.5``.

    Whole years stand for the birthday: 17 years are 6209 days (365.25 days per year, rounded).

    Raises
    ------
    RecordFault
        invalid-age: no number, no unit or an unknown one, negative, or beyond a lifetime. A
        number without a unit is never guessed: 572 is a toddler in days and nobody in years.
    """
    match = _AGE.fullmatch(cell.strip().lower())
    if match is None:
        raise RecordFault("invalid-age", f"age {cell!r}; expected a number and its unit, as 572d")
    named = match["unit"] or unit
    if not named:
        raise RecordFault("invalid-age", f"age {cell!r} has no unit; expected e.g. {cell}d")
    if named not in _DAYS_PER_UNIT:
        raise RecordFault("invalid-age", f"age {cell!r}: unknown unit; expected h, d, w, mo or y")
    days = round(float(match["number"]) * _DAYS_PER_UNIT[named])
    if match["number"].startswith("-") or days > OLDEST_DAYS:
        raise RecordFault("invalid-age", f"age {cell!r}; expected 0 to {OLDEST_DAYS} days")
    return days
