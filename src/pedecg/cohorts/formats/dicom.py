"""DICOM waveform objects: 12-lead, general, ambulatory and hemodynamic (PS3.3, C.10.9).

Read with `pydicom`. Of several multiplex groups the original rhythm is read, never the median beat.
"""

import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

NAME = "DICOM ECG"
SUFFIXES = (".dcm", ".dicom")
_DEFLATED = "1.2.840.10008.1.2.1.99"  # may inflate to any size
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_AGE_UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}
_TYPES = {"SS": "<i2", "US": "<u2", "SB": "i1", "UB": "u1", "SL": "<i4", "UL": "<u4"}
_BITS = {8: 1, 16: 2, 32: 4}  # bits of a sample: bytes
_BEAT_WORDS = ("MEDIAN", "BEAT", "AVERAGE", "TEMPLATE", "TYPICAL")


def recognises(start: bytes) -> bool:
    """Return whether the preamble of a DICOM file is there."""
    return start[128:132] == b"DICM"


def read(file: Path) -> FileEcg:
    """Read the ECG channels of the rhythm group; raises `RecordFault`."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of identifiers that break the standard
        syntax = pydicom.filereader.read_file_meta_info(file).get("TransferSyntaxUID", "")
        if str(syntax) == _DEFLATED:
            raise RecordFault("unsupported-format", f"{file.name}: a deflated DICOM object")
        data = pydicom.dcmread(file, stop_before_pixels=True)
        groups = list(data.get("WaveformSequence") or [])
        if not groups:
            raise RecordFault("no-rhythm", f"{file.name}: no waveform in this DICOM object")
        if str(syntax) == _BIG_ENDIAN:
            _swap(groups)
        rhythm, *others = _rhythms(groups, file.name)
        fs_hz = float(rhythm.get("SamplingFrequency") or 0)
        if not 0 < fs_hz < 1e6:
            raise RecordFault("zero-rate", f"{file.name}: SamplingFrequency {fs_hz:g}")
        traces, left_out = _traces(rhythm, file.name)
        for group in others:
            more, named = _beside(group, rhythm, traces, file.name)
            traces, left_out = traces + more, left_out + named
        traces = _from_zero(traces)
        return FileEcg(
            *file_ecg.assemble(traces, file.name),
            fs_hz,
            NAME,
            age_days=_age(data),
            sex=_sex(data),
            left_out=left_out,
        )


def _swap(groups: list[Any]) -> None:
    """Bring samples, and the value of their padding, into the order of bytes that is read here."""
    for group in groups:
        width = _BITS.get(int(group.get("WaveformBitsAllocated") or 0), 1)
        for name in ("WaveformData", "WaveformPaddingValue"):
            value = group.get(name)
            if isinstance(value, bytes) and width > 1 and len(value) % width == 0:
                swapped = np.frombuffer(value, f">u{width}").astype(f"<u{width}")
                setattr(group, name, swapped.tobytes())


def _rhythms(groups: list[Any], place: str) -> list[Any]:
    """Return the original groups, that with the most ECG samples first; derived beats are none."""
    original = [g for g in groups if str(g.get("WaveformOriginality", "ORIGINAL")) != "DERIVED"]
    kept = [g for g in original if not any(word in _label(g) for word in _BEAT_WORDS)]
    if not kept:
        raise RecordFault("no-rhythm", f"{place}: {len(groups)} groups, all derived or beats")
    return sorted(kept, key=lambda g: (_ecg_channels(g) == 0, -_n_samples(g)))


def _beside(
    group: Any, rhythm: Any, traces: list[Trace], place: str
) -> tuple[list[Trace], tuple[str, ...]]:
    """Read a further original group, or name what it holds.

    Leads of the same rate are laid in time by ``MultiplexGroupTimeOffset``, ms; where a group says
    none, whether it was recorded with the others or after them is not known.
    """
    channels = list(group.get("ChannelDefinitionSequence") or [])
    names = [lead_names.display(_name(channel, row)) for row, channel in enumerate(channels)]
    known = {lead_names.display(trace.name) for trace in traces}
    same_rate = group.get("SamplingFrequency") == rhythm.get("SamplingFrequency")
    offset, first = group.get("MultiplexGroupTimeOffset"), rhythm.get("MultiplexGroupTimeOffset")
    if not same_rate or offset is None or first is None or known & set(names):
        return [], tuple(f"{name} (another group)" for name in names if name not in known)
    start = round((float(offset) - float(first)) * float(rhythm.SamplingFrequency) / 1000)
    more, left_out = _traces(group, place)
    return [replace(trace, start=start + trace.start) for trace in more], left_out


def _from_zero(traces: list[Trace]) -> list[Trace]:
    """Shift the segments so that the first one begins at sample 0."""
    first = min(trace.start for trace in traces)
    return [replace(trace, start=trace.start - first) for trace in traces]


def _label(group: Any) -> str:
    return str(group.get("MultiplexGroupLabel", "")).upper()


def _n_samples(group: Any) -> int:
    return int(group.get("NumberOfWaveformSamples") or 0)


def _ecg_channels(group: Any) -> int:
    channels = list(group.get("ChannelDefinitionSequence") or [])
    return sum(lead_names.role(_name(c, row)) == "lead" for row, c in enumerate(channels))


def _traces(group: Any, place: str) -> tuple[list[Trace], tuple[str, ...]]:
    """Scale the channels to millivolts by unit, sensitivity, correction and baseline."""
    channels = list(group.get("ChannelDefinitionSequence") or [])
    counts = _counts(group, len(channels), place)
    traces, left_out = [], []
    missing = _missing(counts, _padding(group))
    for row, channel in enumerate(channels):
        name = _name(channel, row)
        unit = _unit(channel)
        if (unit and unit.lower() not in MV_PER_UNIT) or lead_names.role(name) == "not-ecg":
            left_out.append(f"{lead_names.display(name)} ({unit[:12]})")
            continue
        if not unit:
            raise RecordFault("unknown-unit", f"{place}: channel {row + 1} has no unit")
        scale = float(channel.get("ChannelSensitivity") or 0)
        factor = channel.get("ChannelSensitivityCorrectionFactor")
        factor = 1.0 if factor is None else float(factor)
        if not 1e-9 < abs(scale * factor) < 1e9:
            raise RecordFault("zero-gain", f"{place}: channel {row + 1} has no sensitivity")
        baseline = float(channel.get("ChannelBaseline") or 0)
        values = counts[row].astype(np.float64)
        values[missing[row]] = np.nan
        # PS3.3 C.10.9.1.4.5: the baseline is an offset in the channel's unit.
        values = (values * scale * factor + baseline) * MV_PER_UNIT[unit.lower()]
        traces.append(Trace(name, _skew(channel, group, place), values))
    if not traces:
        raise RecordFault("no-ecg", f"{place}: no channel is an ECG")
    return traces, tuple(left_out)


def _skew(channel: Any, group: Any, place: str) -> int:
    """Return the samples by which a channel begins after its group."""
    samples = float(channel.get("ChannelSampleSkew") or 0)
    seconds = float(channel.get("ChannelTimeSkew") or 0)
    skew = round(samples + seconds * float(group.get("SamplingFrequency") or 0))
    if abs(skew) >= _n_samples(group):
        raise RecordFault("bad-field", f"{place}: a skew of a channel beyond the record's end")
    return skew


def _counts(group: Any, n_channels: int, place: str) -> NDArray[Any]:
    """Return the stored samples, shape (n_channels, n_samples)."""
    n_samples, bits = _n_samples(group), int(group.get("WaveformBitsAllocated") or 0)
    kind = str(group.get("WaveformSampleInterpretation") or "")
    stated = int(group.get("NumberOfWaveformChannels") or 0)
    if kind not in _TYPES or _BITS.get(bits) != np.dtype(_TYPES[kind]).itemsize:
        raise RecordFault(
            "unsupported-format", f"{place}: samples of {bits} bits, {numbers.quoted(kind)}"
        )
    if stated != n_channels or not n_channels or n_samples < 1:
        raise RecordFault("bad-field", f"{place}: {n_channels} channels defined, {stated} stated")
    file_ecg.require_size(n_channels, n_samples, place)
    raw = bytes(group.get("WaveformData") or b"")
    expected = n_channels * n_samples * _BITS[bits]
    if not expected <= len(raw) <= expected + 1:  # DICOM values have an even length
        reason = "truncated-signal" if len(raw) < expected else "overlong-signal"
        raise RecordFault(reason, f"{place}: {len(raw)} bytes of samples; expected {expected}")
    counts = np.frombuffer(raw[:expected], _TYPES[kind])
    return counts.reshape(n_samples, n_channels).T


def _missing(counts: NDArray[Any], padding: int | None) -> NDArray[np.bool_]:
    """Return where the padding value stands for no sample, in the shape of `counts`.

    Some writers declare 0, which every ECG crosses: a value within the range of the type counts
    where all channels have it at once, an extreme of the type counts everywhere.
    """
    if padding is None:
        return np.zeros(counts.shape, bool)
    padded: NDArray[np.bool_] = counts == padding
    limits = np.iinfo(counts.dtype)
    if padding in (limits.min, limits.max):
        return padded
    everywhere: NDArray[np.bool_] = np.logical_and.reduce(padded, axis=0)
    return padded & everywhere & np.bool_(padding != 0)


def _padding(group: Any) -> int | None:
    """Return the count that marks a missing sample, or None where the group names none."""
    value = group.get("WaveformPaddingValue")
    if value is None:
        return None
    if isinstance(value, bytes):
        kind = str(group.get("WaveformSampleInterpretation"))
        width = np.dtype(_TYPES[kind]).itemsize
        return int(np.frombuffer(value[:width], _TYPES[kind])[0]) if len(value) >= width else None
    return int(value)


def _name(channel: Any, row: int) -> str:
    """Return a channel's lead: by its code of SCP-ECG or MDC, else by its meaning or label."""
    source = list(channel.get("ChannelSourceSequence") or [])
    code = str(source[0].get("CodeValue", "")) if source else ""
    if code.startswith("5.6.3-9-"):
        number = numbers.whole(code.removeprefix("5.6.3-9-"))
        if number in lead_names.BY_NUMBER:
            return lead_names.BY_NUMBER[number]
    scheme = str(source[0].get("CodingSchemeDesignator", "")) if source else ""
    if code.startswith("2:") and scheme == "MDC":
        number = numbers.whole(code.removeprefix("2:"))
        for first in (0, 256):  # the lead itself, and its potential in ISO 11073-10101
            if number is not None and number - first in lead_names.BY_NUMBER:
                return lead_names.BY_NUMBER[number - first]
    meaning = str(source[0].get("CodeMeaning", "")) if source else ""
    label = str(channel.get("ChannelLabel", ""))
    for text in (meaning, label):
        if lead_names.standard(text) or lead_names.further(text):
            return text
    return meaning or label or f"channel {row + 1}"


def _unit(channel: Any) -> str:
    """Return the unit of a channel's sensitivity, in UCUM."""
    units = list(channel.get("ChannelSensitivityUnitsSequence") or [])
    return str(units[0].get("CodeValue", "")).strip() if units else ""


def _age(data: Any) -> int | None:
    """Return the age in days: exact from the dates, else as stated (``005M``)."""
    birth = _date(data.get("PatientBirthDate"))
    times = ("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "StudyDate")
    acquired = next((day for name in times if (day := _date(data.get(name)))), None)
    if birth is not None and acquired is not None and birth <= acquired:
        return file_ecg.age_days("", "", birth, acquired)
    stated = str(data.get("PatientAge") or "").strip()
    unit = _AGE_UNITS.get(stated[-1:].upper(), "")
    return file_ecg.age_days(stated[:-1], unit, None, None) if unit else None


def _sex(data: Any) -> Sex | None:
    return file_ecg.sex(str(data.get("PatientSex") or ""))


def _date(value: Any) -> date | None:
    """Read ``YYYYMMDD…``."""
    cell = str(value or "").replace("-", "")[:8]
    try:
        return date(int(cell[:4]), int(cell[4:6]), int(cell[6:8])) if cell.isascii() else None
    except ValueError:
        return None
