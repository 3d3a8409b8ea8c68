"""Numbers as ECG files write them, read strictly.

Python's own `float` and `int` also take ``5_00``, digits of other scripts and any length; in a
sampling rate or a gain each of these is a damaged file, not a number.
"""

import math
import re

_LONGEST = 40  # characters; longer is not a measured quantity
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# Numbers as in headers: 200(0)/mV, 16x2:3+4, 1e308, 50Hz; letters only as of a unit.
_QUOTABLE = re.compile(r"nan|inf|[A-Za-z]{0,2}[0-9+.,eE()/:x_µμ%°-]*[A-Za-z]{0,2}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def number(cell: str) -> float | None:
    """Read ``4.88`` or ``4,88``; None where it is not a finite decimal number."""
    cell = cell.strip()
    if len(cell) > _LONGEST or not _NUMBER.fullmatch(cell):
        return None
    value = float(cell.replace(",", "."))
    return value if math.isfinite(value) else None


def whole(cell: str) -> int | None:
    """Read an integer of at most 18 digits; None where it is none."""
    cell = cell.strip()
    return int(cell) if _WHOLE.fullmatch(cell) else None


def quoted(cell: str) -> str:
    """Return a cell for a message; only what looks like a number with its unit is quoted.

    Anything else may be free text, and free text may be a name.
    """
    if len(cell) <= 16 and _QUOTABLE.fullmatch(cell):
        return repr(cell)
    return f"a text of {len(cell)} characters"
