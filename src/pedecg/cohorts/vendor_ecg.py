"""What every vendor's file gives: waveforms, rate, leads, age and sex, and no word more.

Names, identifiers, dates and free text stay in the file: a `VendorEcg` has no place for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import ages
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.xml_file import number
from pedecg.core.records import LEADS, EcgRecord, Sex, canonical_lead

MV_PER_UNIT = {
    "v": 1e3, "volts": 1e3, "mv": 1.0, "millivolts": 1.0,
    "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "microvolts": 1e-3, "nv": 1e-6, "nanovolts": 1e-6,
}  # fmt: skip
_LONGEST = 3_600_000  # samples; an hour at 1,000 Hz: wrong numbers must not fill the memory
_SEXES: dict[str, Sex] = {"female": "female", "f": "female", "male": "male", "m": "male"}


@dataclass(frozen=True)
class VendorEcg:
    """One vendor file, read.

    Attributes
    ----------
    vendor : in words, as ``GE MUSE``.
    age_days : days; None where the file does not say it.
    measurements : what the vendor's own program measured, by our names of columns
        (``heart_rate_bpm``, ``qrs_ms``, ``qrs_axis_deg``, …); only what stands in the file.
    """

    record: EcgRecord
    vendor: str
    age_days: int | None
    sex: Sex | None
    measurements: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """One stretch of one channel: `mv` of shape (n,), its first sample at `start`."""

    name: str
    start: int
    mv: NDArray[np.float64]


def assemble(traces: Sequence[Trace], fs_hz: float, place: str, verified: bool) -> EcgRecord:
    """Put stretches in their leads and places; where a lead has no value it is NaN.

    III, aVR, aVL and aVF follow from I and II wherever the file leaves them out.

    Raises
    ------
    RecordFault
        empty-signal; unsupported-format beyond an hour; duplicate-lead where two stretches of a
        channel overlap.
    """
    n_samples = max((trace.start + len(trace.mv) for trace in traces), default=0)
    if not any(len(trace.mv) for trace in traces):
        raise RecordFault("empty-signal", f"{place}: no sample in any lead")
    if n_samples > _LONGEST:
        raise RecordFault("unsupported-format", f"{place}: {n_samples} samples from first to last")
    rows: dict[str, NDArray[np.float64]] = {}
    taken: dict[str, NDArray[np.bool_]] = {}
    for trace in traces:
        name = canonical_lead(trace.name) or trace.name
        row = rows.setdefault(name, np.full(n_samples, np.nan))
        used = taken.setdefault(name, np.zeros(n_samples, bool))
        here = slice(trace.start, trace.start + len(trace.mv))
        if used[here].any():
            raise RecordFault("duplicate-lead", f"{place}: lead {name} is stored twice")
        row[here], used[here] = trace.mv, True
    leads = {name: row for name, row in rows.items() if name in LEADS}
    leads = limb_leads(leads) | leads
    order = [lead for lead in LEADS if lead in leads]
    signal = np.array([leads[lead] for lead in order], np.float32).reshape(len(order), n_samples)
    return EcgRecord(
        signal=signal,
        fs_hz=fs_hz,
        leads=tuple(order),
        other_channels=tuple(name for name in rows if name not in LEADS),
        verified=verified,
    )


def limb_leads(leads: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return III, aVR, aVL and aVF where I and II are there, by Einthoven and Goldberger."""
    if not {"I", "II"} <= leads.keys():
        return {}
    one, two = leads["I"], leads["II"]
    return {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}


def sex(word: str) -> Sex | None:
    """Read ``FEMALE``, ``Male`` or ``F``; anything else is not known."""
    return _SEXES.get(word.lower())


def age_days(stated: str, unit: str, birth: date | None, acquired: date | None) -> int | None:
    """Return the age in days: as stated, or from the dates, which go no further than here.

    A number without a unit says nothing about a child, and 0 years or months are any age below
    one: then the dates decide, and without them the age is not known.

    Raises
    ------
    RecordFault
        invalid-age: negative or beyond a lifetime. The cell is not quoted.
    """
    value = number(stated)
    if value is not None and ages.is_unit(unit) and (value != 0 or ages.days_per(unit) <= 1):
        try:
            return ages.in_days(f"{value:.6f}", unit.strip().lower())
        except RecordFault:
            raise RecordFault("invalid-age", "the stated age is none of a lifetime") from None
    if birth is None or acquired is None:
        return None
    days = (acquired - birth).days
    if not 0 <= days <= ages.OLDEST_DAYS:
        raise RecordFault("invalid-age", "the dates of birth and examination give no age")
    return days


def measured(found: dict[str, float | None]) -> dict[str, float]:
    """Keep what was measured: rates and intervals above 0, axes as -180 to 180 degrees."""
    kept = {}
    for name, value in found.items():
        if value is None:
            continue
        if name.endswith("_deg"):
            if abs(value) <= 360:
                kept[name] = -((180 - value) % 360 - 180)
        elif value > 0:
            kept[name] = value
    return kept
