"""SCP-ECG, ISHNE and MFER, decoded by the package `ecgdatakit`.

The package gives samples and scales. Its ages are whole years, its rates whole hertz, and what it
merely warns of (checksums, missing samples) is a fault here: these are taken from elsewhere.
"""

import warnings
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pedecg.cohorts.formats import file_ecg, lead_names
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

# Words of the package's warnings that mean that samples are wrong or absent, and the reason.
_FAULTS = {
    "checksum": "corrupt-signal", "crc": "corrupt-signal", "truncat": "truncated-signal",
    "missing sample": "truncated-signal", "shorter than": "truncated-signal",
    "no waveform data": "truncated-signal", "redefine": "unsupported-format",
    "without a gap": "unsupported-format",
}  # fmt: skip


def parse(parser: Any, file: Path) -> Any:
    """Return the package's record of a file.

    Raises
    ------
    RecordFault
        damaged-file, unsupported-format, corrupt-signal or truncated-signal.
    """
    from ecgdatakit.exceptions import ECGDataKitError, UnsupportedFormatError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            record = parser.parse(file)
        except UnsupportedFormatError:
            raise RecordFault(
                "unsupported-format", f"{file.name}: a variant without a decoder"
            ) from None
        except ECGDataKitError as error:
            # Its messages give counts and sections, and the path, which the fault names already.
            text = str(error).replace(str(file), file.name)[:160]
            raise RecordFault("damaged-file", f"{file.name}: {text}") from None
    for warning in caught:
        text = str(warning.message).lower()
        for word, reason in _FAULTS.items():
            if word in text:
                raise RecordFault(reason, f"{file.name}: the file contradicts itself ({word})")
    return record


def ecg(
    record: Any,
    file: Path,
    vendor: str,
    fs_hz: float,
    age_days: int | None,
    sex: Sex | None,
    starts: Iterable[int] | None = None,
) -> FileEcg:
    """Return the voltages among a record's leads as a `FileEcg`; others are left out by name."""
    traces, left_out = [], []
    begins = list(starts) if starts is not None else [0] * len(record.leads)
    for lead, start in zip(record.leads, begins, strict=True):
        unit = (lead.resolution_unit or lead.units).lower()
        name = lead_names.display(lead.label)
        if not unit:
            raise RecordFault(
                "zero-gain", f"{file.name}: {lead_names.labelled(lead.label)} has no scale"
            )
        if unit not in MV_PER_UNIT or lead_names.role(lead.label) == "not-ecg":
            left_out.append(f"{name} ({unit[:12]})" if unit not in MV_PER_UNIT else name)
            continue
        scale = lead.resolution if lead.is_raw else 1.0
        values = np.asarray(lead.samples, np.float64) * scale + (lead.offset if lead.is_raw else 0)
        traces.append(Trace(lead.label, start, values * MV_PER_UNIT[unit]))
    if not traces:
        raise RecordFault("no-ecg", f"{file.name}: no channel is an ECG")
    names, signal = file_ecg.assemble(traces, file.name)
    return FileEcg(
        names, signal, fs_hz, vendor, age_days=age_days, sex=sex, left_out=tuple(left_out)
    )


def dates(record: Any) -> tuple[date | None, date | None]:
    """Return the dates of birth and of the recording; they go no further than the age."""
    birth, acquired = record.patient.birth_date, record.recording.date
    return (birth.date() if birth else None), (acquired.date() if acquired else None)
