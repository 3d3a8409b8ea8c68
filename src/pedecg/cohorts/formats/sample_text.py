"""Samples written as decimal numbers in a text."""

import re

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.record_faults import RecordFault

_LONGEST = 4_000_000  # characters of a lead: an hour at 250 Hz
_NUMBERS = re.compile(r"[0-9eE+.,;\s-]*", re.ASCII)
_PAIR = re.compile(r"[+-]?[0-9]+,[0-9]+", re.ASCII)  # 0,5: two samples, or one with a decimal comma
_DECIMAL_COMMA = re.compile(r"[0-9],[0-9]", re.ASCII)


def samples(text: str, place: str) -> NDArray[np.float64]:
    """Read numbers between commas, semicolons or blanks, shape (n,).

    Between semicolons a comma is the decimal sign. Where blanks separate numbers, ``0,5 1,5`` may
    be two numbers or four: that is a fault.

    Raises
    ------
    RecordFault
        corrupt-signal: a sample is not a number; oversized-file.
    """
    if len(text) > _LONGEST:
        raise RecordFault("oversized-file", f"{place}: {len(text)} characters of samples")
    try:
        if not _NUMBERS.fullmatch(text):
            raise ValueError
        if ";" in text and _DECIMAL_COMMA.search(text):
            text = text.replace(",", ".")
        words = text.replace(";", " ").split()
        if len(words) > 2 and all(_PAIR.fullmatch(word) for word in words):
            raise RecordFault(
                "corrupt-signal", f"{place}: commas that may separate samples or decimals"
            )
        words = text.replace(",", " ").replace(";", " ").split()
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise RecordFault("corrupt-signal", f"{place}: a sample is not a number") from None
