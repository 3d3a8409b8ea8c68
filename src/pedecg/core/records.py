"""One ECG: the canonical leads and the record that every reader yields."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LEADS: tuple[str, ...] = (
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
)  # fmt: skip
NINE_LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V3", "V5")
# Electrodes besides those of the twelve leads, as V3R, V4R and V7 of a child's 15 leads. They are
# leads of their own, never taken for one of the twelve. V1R and V2R stand where V2 and V1 do.
FURTHER_LEADS: tuple[str, ...] = (
    "V1R", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "V7", "V8", "V9",
)  # fmt: skip
ALL_LEADS: tuple[str, ...] = (*LEADS, *FURTHER_LEADS)
Sex = Literal["female", "male"]

_BY_LOWER_CASE = {lead.lower(): lead for lead in LEADS}


def canonical_lead(name: str) -> str | None:
    """Return the canonical spelling of one of the twelve leads in any case, or None.

    ``AVR`` is ``aVR``.
    """
    return _BY_LOWER_CASE.get(name.strip().lower())


def in_order(leads: Iterable[str]) -> list[str]:
    """Return those of the names that are leads, each once, in the order of `ALL_LEADS`."""
    given = set(leads)
    return [lead for lead in ALL_LEADS if lead in given]


@dataclass(frozen=True)
class EcgRecord:
    """The signal of one examination as its files hold it: nothing is filtered or resampled yet.

    Who it belongs to (patient, age, sex, codes) is a row of the cohort's table, not of this file.

    Attributes
    ----------
    signal : shape (n_leads, n_samples), millivolts, float32; NaN where the file marks no value.
    fs_hz : samples per second, > 0.
    leads : canonical names, one per row of `signal`, in the order of `ALL_LEADS`.
    other_channels : names of channels that are no lead; not in `signal`.
    verified : every channel had a checksum in the file, and it agreed.
    """

    signal: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    other_channels: tuple[str, ...] = ()
    verified: bool = False
