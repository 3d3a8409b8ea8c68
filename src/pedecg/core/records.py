"""One ECG: the canonical leads and the record that every reader yields."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LEADS: tuple[str, ...] = (
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
)  # fmt: skip
NINE_LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V3", "V5")
Sex = Literal["female", "male"]

_BY_LOWER_CASE = {lead.lower(): lead for lead in LEADS}


def canonical_lead(name: str) -> str | None:
    """Return the canonical spelling of a name in any case (``AVR`` is ``aVR``), or None."""
    return _BY_LOWER_CASE.get(name.strip().lower())


@dataclass(frozen=True)
class EcgRecord:
    """The signal of one examination as its files hold it: nothing is filtered or resampled yet.

    Who it belongs to (patient, age, sex, codes) is a row of the cohort's table, not of this file.

    Attributes
    ----------
    signal : shape (n_leads, n_samples), millivolts, float32; NaN where the file marks no value.
    fs_hz : samples per second, > 0.
    leads : canonical names, one per row of `signal`, in the order of `LEADS`.
    other_channels : names of channels that are none of the twelve leads; not in `signal`.
    verified : every channel had a checksum in the file, and it agreed.
    """

    signal: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    other_channels: tuple[str, ...] = ()
    verified: bool = False
