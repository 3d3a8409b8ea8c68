"""Mortara ELI: ``<ECG>`` with ``<CHANNEL>`` elements."""

from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from pedecg.cohorts.formats import file_ecg, lead_names, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "ECG"
VENDOR = "Mortara ELI"
_ON_ROOT = {"heart_rate_bpm": "VENT_RATE"}
_ON_CYCLE = {
    "pr_ms": "PR_DURATION", "qrs_ms": "QRS_DURATION", "qt_ms": "QT", "qtc_bazett_ms": "QTB",
    "qtc_fridericia_ms": "QTF", "p_axis_deg": "P_AXIS", "qrs_axis_deg": "QRS_AXIS",
    "t_axis_deg": "T_AXIS",
}  # fmt: skip


def read(root: "Element", place: str) -> FileEcg:
    """Read the rhythm channels, never ``TYPICAL_CYCLE``; raises `RecordFault`."""
    channels = root.findall("CHANNEL")
    if not channels:
        raise RecordFault("no-rhythm", f"{place}: no CHANNEL with a rhythm")
    rates = {
        xml_file.require_rate(c.get("SAMPLE_FREQ", ""), "SAMPLE_FREQ", place) for c in channels
    }
    if len(rates) > 1:
        raise RecordFault("unsupported-format", f"{place}: channels of several rates")
    names, signal = file_ecg.assemble([_trace(channel, place) for channel in channels], place)
    subject = root.find("SUBJECT")
    birth = _date(subject.get("DOB", "")) if subject is not None else None
    cycle = root.find("TYPICAL_CYCLE")
    stated = {ours: root.get(theirs, "") for ours, theirs in _ON_ROOT.items()}
    if cycle is not None:
        stated |= {ours: cycle.get(theirs, "") for ours, theirs in _ON_CYCLE.items()}
    return FileEcg(
        names,
        signal,
        rates.pop(),
        VENDOR,
        age_days=file_ecg.age_days(
            root.get("AGE", ""),
            root.get("AGE_UNITS", ""),
            birth,
            _date(root.get("ACQUISITION_TIME", "")),
        ),
        sex=file_ecg.sex(subject.get("GENDER", "")) if subject is not None else None,
        measurements=file_ecg.measured({k: numbers.number(v) for k, v in stated.items()}),
    )


def _trace(channel: "Element", place: str) -> Trace:
    """Decode 16-bit samples in Base64: mV = count / UNITS_PER_MV."""
    name = channel.get("NAME", "")
    here = f"{place}: {lead_names.labelled(name)}"
    kind = (channel.get("BITS", "16"), channel.get("FORMAT", "SIGNED").upper(),
            channel.get("ENCODING", "BASE64").upper())  # fmt: skip
    if kind != ("16", "SIGNED", "BASE64"):
        raise RecordFault("unsupported-format", f"{here}: expected 16 bits, SIGNED, BASE64")
    # What an offset other than 0 means is not documented.
    if numbers.number(channel.get("OFFSET", "0")) != 0:
        raise RecordFault("unsupported-format", f"{here}: an OFFSET; expected 0")
    per_mv = xml_file.require_scale(channel.get("UNITS_PER_MV", ""), "UNITS_PER_MV", here)
    raw = xml_file.decode_base64(channel.get("DATA") or channel.text or "", here)
    stated = channel.get("DURATION", "")
    if len(raw) % 2 or (stated and numbers.number(stated) != len(raw) // 2):
        raise RecordFault(
            "truncated-signal", f"{here}: {len(raw)} bytes; expected the length in DURATION"
        )
    return Trace(name, 0, xml_file.int16(raw).astype(np.float64) / per_mv)


def _date(cell: str) -> date | None:
    """Read ``YYYYMMDD…`` or ``YYYY-MM-DD``."""
    try:
        return datetime.strptime(cell.replace("-", "")[:8], "%Y%m%d").date()
    except ValueError:
        return None
