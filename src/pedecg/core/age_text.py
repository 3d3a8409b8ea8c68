"""Ages in words, for readers."""

import math
import re

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
_GROUP = re.compile(r"([0-9]+)-([0-9]+) d\b|([0-9]+) d and older")
_DAYS_UP_TO, _MONTHS_UP_TO = 60, 24  # younger than so many days, than so many months


def in_words(age_days: float) -> str:
    """Return ``5 days``, ``7 months`` or ``8 years``: completed ones, as paediatricians count."""
    if age_days < _DAYS_UP_TO:
        number, unit = age_days, "day"
    elif age_days / DAYS_PER_MONTH < _MONTHS_UP_TO:
        number, unit = age_days / DAYS_PER_MONTH, "month"
    else:
        number, unit = age_days / DAYS_PER_YEAR, "year"
    whole = math.floor(number + 0.005)  # an age in whole days is up to a day off a birthday
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def mean_in_words(age_days: float) -> str:
    """Return the mean or median age of several patients, ``6.3 years``."""
    return f"{age_days / DAYS_PER_YEAR:.1f} years"


def range_in_words(first_days: float, last_days: float) -> str:
    """Return a half-open range of ages: ``day 3``, ``8-30 days``, ``3-6 months``, ``1-3 years``."""
    if last_days - first_days == 1:
        return f"day {first_days:.0f}"
    if last_days <= 31:
        return f"{first_days:.0f}-{last_days - 1:.0f} days"
    if last_days <= 366:
        return f"{first_days / DAYS_PER_MONTH:.0f}-{last_days / DAYS_PER_MONTH:.0f} months"
    return f"{first_days / DAYS_PER_YEAR:.0f}-{last_days / DAYS_PER_YEAR:.0f} years"


def group_in_words(name: str) -> str:
    """Return a name of `age_groups.names` in words: ``365-1825 d`` is ``1-5 years``.

    What else the name holds, such as a label, and other names stay as they are.
    """
    return _GROUP.sub(_group_in_words, name)


def _group_in_words(found: re.Match[str]) -> str:
    first, last, oldest = found.groups()
    if oldest:
        return f"{in_words(int(oldest))} and older"
    return range_in_words(int(first), int(last) + 1)
