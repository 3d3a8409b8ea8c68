"""GE MUSE: ``<RestingECG>``, with the measurements of GE's 12SL program."""

import re
import zlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from pedecg.cohorts.formats import file_ecg, lead_names, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.formats.xml_file import require_number, text
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "RestingECG"
VENDOR = "GE MUSE"
_BYTES = 2  # of a sample
_START = "LeadOffsetFirstSample"
_MOST_BLOCKS, _MOST_LEADS = 16, 64  # a file has two blocks and 8 to 15 leads: more is damage
_GROUP_S = 5.0  # seconds; the groups of a 3x4 print have 2.5, rhythm strips 10
_DATE = re.compile(r"([0-9]{2})-([0-9]{2})-[0-9]{4}")
_NO_VALUE = -(2**15)  # what MUSE writes for a measurement that it did not take
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "pr_ms": "PRInterval", "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCorrected", "qtc_fridericia_ms": "QTcFrederica",
    "p_axis_deg": "PAxis", "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis",
}  # fmt: skip


def read(root: "Element", place: str) -> FileEcg:
    """Read the rhythm strip, never the median beat; raises `RecordFault`.

    Age and sex are those of ``PatientDemographics``. A lead that starts late or ends early
    (``LeadOffsetFirstSample``, ``LeadSampleCountTotal``) is NaN where it has no sample.
    """
    blocks = [_block(waveform, place) for waveform in _rhythms(root, place)]
    blocks = [block for block in blocks if block.traces]
    if not blocks:
        raise RecordFault("empty-signal", f"{place}: no sample in any lead")
    first = max(blocks, key=lambda block: block.n_samples)
    chosen, left_out = _together(first, blocks)
    names, signal = file_ecg.assemble(chosen, place)
    patient = root.find("PatientDemographics")
    return FileEcg(
        names=names,
        signal=signal,
        fs_hz=first.fs_hz,
        vendor=VENDOR,
        age_days=_age(root, patient),
        sex=file_ecg.sex(text(patient, "Gender")),
        left_out=left_out,
        measurements=_measurements(root),
        verified=all(block.verified for block in blocks),
    )


@dataclass(frozen=True)
class _Block:
    """One ``<Waveform>`` of type rhythm."""

    fs_hz: float
    traces: list[Trace]
    verified: bool

    @property
    def n_samples(self) -> int:
        return max(trace.start + len(trace.mv) for trace in self.traces)

    @property
    def leads(self) -> set[str]:
        return {lead_names.display(trace.name) for trace in self.traces}


def _rhythms(root: "Element", place: str) -> list["Element"]:
    """Return the rhythm waveforms, by name."""
    every = root.findall("Waveform")
    rhythms = [one for one in every if text(one, "WaveformType").lower().startswith("rhythm")]
    if not rhythms:
        raise RecordFault("no-rhythm", f"{place}: {len(every)} waveforms, none of type Rhythm")
    return rhythms[:_MOST_BLOCKS]


def _block(waveform: "Element", place: str) -> _Block:
    base = xml_file.require_rate(text(waveform, "SampleBase"), "SampleBase", place)
    exponent = require_number(text(waveform, "SampleExponent") or "0", "SampleExponent", place)
    if not exponent.is_integer() or abs(exponent) > 9:
        raise RecordFault("bad-field", f"{place}: SampleExponent {exponent:g}")
    stored = [_lead(lead, place) for lead in waveform.findall("LeadData")[:_MOST_LEADS]]
    traces = [trace for trace, _ in stored]
    return _Block(base * 10.0**exponent, traces, all(checked for _, checked in stored))


def _together(first: _Block, blocks: list[_Block]) -> tuple[list[Trace], tuple[str, ...]]:
    """Return the segments to read, and leads that are left out, by name.

    Blocks of other leads than any before, of some seconds each, are the groups of a 3x4 print,
    recorded one after the other. The time of a longer block relative to the first
    one is unknown: its leads are left out. A further block of the same leads is a copy, as at 250
    and 500 Hz: the longest in samples is read.
    """
    same = [block for block in blocks if block.fs_hz == first.fs_hz]
    groups, taken = [], set[str]()
    for block in same:
        if not block.leads & taken:
            groups.append(block)
            taken |= block.leads
    short = all(block.n_samples < _GROUP_S * block.fs_hz for block in groups)
    if not short or len(groups) == 1:
        beside = sorted(set().union(*(block.leads for block in blocks)) - first.leads)
        return first.traces, tuple(f"{lead} (another rhythm strip)" for lead in beside)
    traces, start = [], 0
    for block in groups:
        traces += [replace(trace, start=trace.start + start) for trace in block.traces]
        start += block.n_samples
    return traces, ()


def _lead(lead: "Element", place: str) -> tuple[Trace, bool]:
    """Decode one lead and compare it with its byte count, sample count and CRC-32."""
    name = text(lead, "LeadID")
    if not name:
        raise RecordFault("bad-field", f"{place}: a lead without LeadID")
    here = f"{place}: {lead_names.labelled(name)}"
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
        raise RecordFault(
            "unknown-unit", f"{here}: unit {numbers.quoted(unit)}; expected MICROVOLTS"
        )
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
            return file_ecg.measured(
                {ours: numbers.number(text(found, tag)) for ours, tag in MEASUREMENTS.items()}
            )
    return {}


def _age(root: "Element", patient: "Element | None") -> int | None:
    """Return the age in days, as stated or from the dates of birth and acquisition.

    GE documents ``MM-DD-YYYY``; systems set up in Europe write ``DD-MM-YYYY``. A day above 12 in
    any date of the file tells which; else, where the readings give different ages, none is known.
    """
    age, unit = text(patient, "PatientAge"), text(patient, "AgeUnits")
    cells = text(patient, "DateofBirth"), text(root, "TestDemographics/AcquisitionDate")
    readings = [(_date(cells[0], order), _date(cells[1], order)) for order in _orders(root)]
    possible = [dates for dates in readings if _possible(*dates)] or readings
    found = {file_ecg.age_days(age, unit, *dates) for dates in possible}
    return found.pop() if len(found) == 1 else file_ecg.age_days(age, unit, None, None)


def _possible(birth: date | None, acquired: date | None) -> bool:
    """Return whether a reading of two dates is one: nobody is examined before birth."""
    return birth is None or acquired is None or birth <= acquired


def _orders(root: "Element") -> tuple[str, ...]:
    """Return the order of day and month in this file's dates; both where no date tells it."""
    found = [
        (int(match[1]), int(match[2]))
        for element in root.iter()
        if "date" in element.tag.lower() and (match := _DATE.match(text(element)))
    ]
    month_first = any(second > 12 for _, second in found)
    day_first = any(first > 12 for first, _ in found)
    if month_first != day_first:
        return ("%m-%d-%Y",) if month_first else ("%d-%m-%Y",)
    return "%m-%d-%Y", "%d-%m-%Y"


def _date(cell: str, order: str) -> date | None:
    """Read a date of ten characters in the given order; anything else is not a date."""
    try:
        return datetime.strptime(cell, order).date()
    except ValueError:
        return None
