"""Names that come from outside, and where they may stand: in a path, in a table, on a page.

Targets, models, records and patients are named by parameters and by the tables of data sets. The
pipeline writes these names into file names, CSV tables and pages, so that every name is checked
once, where it is read.

A *name* (target, model, label, number of a manifest) may be part of a file name. An *identifier*
(record, patient) is whatever a data set has, never part of a path; only characters that change or
hide the text around them are refused.
"""

import re
import unicodedata
from collections.abc import Iterable

LONGEST_NAME = 60  # characters; with a prefix and a suffix in UTF-8 below the 255 bytes of a file
LONGEST_IDENTIFIER = 500  # characters; some data sets have paths as names

# Characters with a meaning in paths (on any system), in shells, in globs, or in HTML.
_UNSAFE = "/\\:*?\"<>|$`;&#!{}[]^~'"
# What a spreadsheet takes for the start of a formula (OWASP, CSV Injection); `-` and `.` also start
# an option and a hidden file.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NAME_STARTS = (*_FORMULA_STARTS, ".", " ")
# Control, surrogate and unassigned characters, line and paragraph separators.
_CATEGORIES = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
# Marks that change the direction of what follows (Unicode Standard Annex 9), and the byte order
# mark. Joiners (U+200C, U+200D) are part of words in Persian and of emoji: they may stand.
_HIDDEN = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_NEUTRALISED = re.compile(r"'(?=[=+\-@\t\r])")
_NUMBER = re.compile(r"[+-][0-9.]+([eE][+-]?[0-9]+)?")  # a spreadsheet reads it as what it is


def fault(text: str) -> str | None:
    """Return why a text is no name that may be part of a file name, or None.

    Letters and digits of any script, spaces, and ``_ - . , ( ) + % = @`` may stand in a name.
    """
    if not text or text != text.strip():
        return "is empty or begins or ends with a blank"
    if len(text) > LONGEST_NAME:
        return f"has {len(text)} characters; at most {LONGEST_NAME} are allowed"
    if text.startswith(_NAME_STARTS):
        return f"begins with {text[0]!r}"
    unsafe = [character for character in text if character in _UNSAFE]
    if unsafe:
        return f"holds {unsafe[0]!r}"
    return _hidden(text)


def identifier_fault(text: str) -> str | None:
    """Return why a text cannot identify a record or a patient, or None."""
    if len(text) > LONGEST_IDENTIFIER:
        return f"has {len(text)} characters; at most {LONGEST_IDENTIFIER} are allowed"
    return _hidden(text)


def require(names: Iterable[str]) -> None:
    """Raise a ValueError, as a validator of parameters does, at the first that is no name."""
    for name in names:
        why = fault(name)
        if why:
            raise ValueError(
                f"must be names that can be part of a file name (found {name!r}: {why})"
            )


def neutralised(cell: str) -> str:
    """Return a cell of a CSV that no spreadsheet takes for a formula: an apostrophe before it."""
    harmless = not cell.startswith(_FORMULA_STARTS) or _NUMBER.fullmatch(cell)
    return cell if harmless else f"'{cell}"


def original(cell: str) -> str:
    """Return the cell that `neutralised` was given."""
    return _NEUTRALISED.sub("", cell, count=1) if cell.startswith("'") else cell


def file_stem(identifier: str) -> str:
    """Return an identifier as a part of a file name: ``_`` for slashes and control characters."""
    return "".join("_" if c == "/" or _is_hidden(c) else c for c in identifier)


def visible(text: str) -> str:
    """Return a text in which control characters and marks of direction are shown as escapes."""
    return "".join(c.encode("unicode_escape").decode("ascii") if _is_hidden(c) else c for c in text)


def _hidden(text: str) -> str | None:
    found = next((c for c in text if _is_hidden(c)), None)
    return None if found is None else f"holds the control character U+{ord(found):04X}"


def _is_hidden(character: str) -> bool:
    return character in _HIDDEN or unicodedata.category(character) in _CATEGORIES
