"""One ECG: the canonical leads and the record that every reader yields."""

from dataclasses import dataclass, field
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
    """One examination as its source describes it, before anything is filtered or resampled.

    Attributes
    ----------
    record_id, patient_id : unique within the cohort; a patient may have several records.
    path : where the record lies, relative to the cohort's root, as `cohorts` reads it again.
    signal : shape (n_leads, n_samples), millivolts, float32; NaN where the file marks no value.
    fs_hz : samples per second, > 0.
    leads : canonical names, one per row of ``signal``, in the order of `LEADS`.
    age_days : None where unknown.
    sex : "female", "male" or None where unknown.
    """

    record_id: str
    patient_id: str
    path: str
    signal: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    age_days: int | None = None
    sex: Sex | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def twelve(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the signal in the order of `LEADS`, shape (12, n_samples), and the lead mask.

        A lead that was not recorded is zeros and ``False`` in the mask, shape (12,).
        """
        mask = np.array([lead in self.leads for lead in LEADS])
        full = np.zeros((len(LEADS), self.signal.shape[1]), np.float32)
        full[mask] = self.signal[[self.leads.index(lead) for lead in LEADS if lead in self.leads]]
        return full, mask
