"""GE MUSE: ``<RestingECG>``, with the measurements of GE's 12SL program."""

import zlib
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from pedecg.cohorts import vendor_ecg, xml_file
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.vendor_ecg import MV_PER_UNIT, Trace, VendorEcg
from pedecg.cohorts.xml_file import require_number, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "RestingECG"
VENDOR = "GE MUSE"
_BYTES = 2  # of a sample
_START = "LeadOffsetFirstSample"
_NO_VALUE = -(2**15)  # what MUSE writes for a measurement that it did not take
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "pr_ms": "PRInterval", "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCorrected", "qtc_fridericia_ms": "QTcFrederica",
    "p_axis_deg": "PAxis", "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis",
}  # fmt: skip


def read(root: "Element", place: str) -> VendorEcg:
    """Read the rhythm strip, never the median beat; raises `RecordFault`.

    Age and sex are those of ``PatientDemographics``. A lead that starts late or ends early
    (``LeadOffsetFirstSample``, ``LeadSampleCountTotal``) is NaN where it has no sample.
    """
    waveform = _rhythm(root, place)
    base = xml_file.require_rate(text(waveform, "SampleBase"), "SampleBase", place)
    exponent = require_number(text(waveform, "SampleExponent") or "0", "SampleExponent", place)
    if not exponent.is_integer() or abs(exponent) > 9:
        raise RecordFault("bad-field", f"{place}: SampleExponent {exponent:g}")
    stored = [_lead(lead, place) for lead in waveform.findall("LeadData")]
    verified = bool(stored) and all(checked for _, checked in stored)
    traces = [trace for trace, _ in stored]
    record = vendor_ecg.assemble(traces, base * 10.0**exponent, place, verified)
    patient = root.find("PatientDemographics")
    return VendorEcg(
        record=record,
        vendor=VENDOR,
        age_days=vendor_ecg.age_days(
            text(patient, "PatientAge"),
            text(patient, "AgeUnits"),
            _date(text(patient, "DateofBirth")),
            _date(text(root, "TestDemographics/AcquisitionDate")),
        ),
        sex=vendor_ecg.sex(text(patient, "Gender")),
        measurements=_measurements(root),
    )


def _rhythm(root: "Element", place: str) -> "Element":
    """Return the rhythm waveform, by name; of several the longest."""
    kinds = [text(waveform, "WaveformType") for waveform in root.findall("Waveform")]
    rhythms = [
        waveform
        for waveform, kind in zip(root.findall("Waveform"), kinds, strict=True)
        if kind.lower() == "rhythm"
    ]
    if not rhythms:
        raise RecordFault("no-rhythm", f"{place}: {len(kinds)} waveforms, none of type Rhythm")
    return max(rhythms, key=_most_samples)


def _most_samples(waveform: "Element") -> float:
    counts = (text(lead, "LeadSampleCountTotal") for lead in waveform.findall("LeadData"))
    return max((xml_file.number(count) or 0 for count in counts), default=0)


def _lead(lead: "Element", place: str) -> tuple[Trace, bool]:
    """Decode one lead and compare it with its byte count, sample count and CRC-32."""
    name = text(lead, "LeadID")
    if not name:
        raise RecordFault("bad-field", f"{place}: a lead without LeadID")
    here = f"{place}: lead {name}"
    size = require_number(text(lead, "LeadSampleSize") or "2", "LeadSampleSize", here)
    if size != _BYTES:
        raise RecordFault("unsupported-format", f"{here}: {size:g} bytes per sample; expected 2")
    raw = xml_file.decode_base64(text(lead, "WaveFormData"), here)
    _check_size(raw, text(lead, "LeadByteCountTotal"), "LeadByteCountTotal", 1, here)
    _check_size(raw, text(lead, "LeadSampleCountTotal"), "LeadSampleCountTotal", _BYTES, here)
    stated = text(lead, "LeadDataCRC32")
    if stated:
        expected = require_number(stated, "LeadDataCRC32", here)
        if int(expected) % 2**32 != zlib.crc32(raw):
            raise RecordFault(
                "corrupt-signal", f"{here} fails its CRC-32 (file {zlib.crc32(raw)}, not as stated)"
            )
    unit = text(lead, "LeadAmplitudeUnits") or "MICROVOLTS"
    if unit.lower() not in MV_PER_UNIT:
        raise RecordFault("unknown-unit", f"{here}: unit {unit!r}; expected MICROVOLTS")
    per_bit = xml_file.require_scale(
        text(lead, "LeadAmplitudeUnitsPerBit"), "LeadAmplitudeUnitsPerBit", here
    )
    start = require_number(text(lead, _START) or "0", _START, here)
    if not start.is_integer() or start < 0:
        raise RecordFault("bad-field", f"{here}: {_START} {start:g}")
    counts = xml_file.int16(raw).astype(np.float64)
    counts[counts == _NO_VALUE] = np.nan
    return Trace(name, int(start), counts * (per_bit * MV_PER_UNIT[unit.lower()])), bool(stated)


def _check_size(raw: bytes, stated: str, what: str, size: int, place: str) -> None:
    if not stated:
        if len(raw) % _BYTES:
            raise RecordFault("truncated-signal", f"{place}: {len(raw)} bytes; expected pairs")
        return
    expected = require_number(stated, what, place) * size
    if len(raw) != expected:
        reason = "truncated-signal" if len(raw) < expected else "overlong-signal"
        raise RecordFault(reason, f"{place}: {len(raw)} bytes; {what} says {expected:.0f}")


def _measurements(root: "Element") -> dict[str, float]:
    """Read 12SL's figures as the file's last reader left them, else as they first were."""
    for block in ("RestingECGMeasurements", "OriginalRestingECGMeasurements"):
        found = root.find(block)
        if found is not None:
            return vendor_ecg.measured(
                {ours: xml_file.number(text(found, tag)) for ours, tag in MEASUREMENTS.items()}
            )
    return {}


def _date(cell: str) -> date | None:
    """Read ``MM-DD-YYYY``; anything else is no date."""
    try:
        return datetime.strptime(cell, "%m-%d-%Y").date()
    except ValueError:
        return None
