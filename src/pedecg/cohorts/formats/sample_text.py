"""Samples written as decimal numbers in a text."""

import re

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.record_faults import RecordFault

_LONGEST = 4_000_000  # characters of a lead: an hour at 250 Hz
_NUMBERS = re.compile(r"[0-9eE+.,;\s-]*", re.ASCII)


def samples(text: str, place: str) -> NDArray[np.float64]:
    """Read numbers between commas, semicolons or blanks, shape (n,).

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
        words = text.replace(",", " ").replace(";", " ").split()
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise RecordFault("corrupt-signal", f"{place}: a sample is not a number") from None
