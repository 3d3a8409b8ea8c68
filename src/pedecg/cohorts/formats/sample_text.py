"""Samples written as decimal numbers in a text."""

import re

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.record_faults import RecordFault

_LONGEST = 20_000_000  # characters: more than an hour at 1,000 Hz
_NUMBERS = re.compile(r"[0-9eE+.,;\s-]*")


def samples(text: str, place: str) -> NDArray[np.float64]:
    """Read numbers between commas, semicolons or blanks, shape (n,).

    Raises
    ------
    RecordFault
        corrupt-signal: a sample that is no number; oversized-file.
    """
    if len(text) > _LONGEST:
        raise RecordFault("oversized-file", f"{place}: {len(text)} characters of samples")
    try:
        if not _NUMBERS.fullmatch(text):
            raise ValueError
        return np.array(
            re.split(r"[\s,;]+", text.strip(" \t\r\n,;")) if text.strip() else [], float
        )
    except ValueError:
        raise RecordFault("corrupt-signal", f"{place}: a sample that is no number") from None
