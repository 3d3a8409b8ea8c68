"""EDF, EDF+ and BDF, read with `edfio`.

Kemp B, et al. Electroencephalogr Clin Neurophysiol 1992;82:391-393; EDF+: Clin Neurophysiol
2003;114:1755-1761. `edfio` mends headers that contradict the file; here that is a fault.
"""

import re
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

NAME = "EDF, EDF+ or BDF"
SUFFIXES = (".edf", ".bdf", ".rec")
MAX_MB = 200.0  # a day of one 24-bit channel at 500 Hz has 130 MB
_BDF = b"\xffBIOSEMI"
_HEADER = 256  # bytes, and as many for each channel
_ONSET = re.compile(rb"([+-][0-9]{1,9}(?:\.[0-9]{1,9})?)(?:\x15[0-9.]+)?\x14")


def recognises(start: bytes) -> bool:
    """Return whether the version and the numbers of an EDF or BDF header are where they belong."""
    version = start[:8] == b"0       " or start[:8] == _BDF
    return version and numbers.whole(start[252:256].decode("latin-1")) is not None


def read(file: Path) -> FileEcg:
    """Read the ECG channels; raises `RecordFault`.

    Channels that are not ECG are left out by name and unit. The gaps of a discontinuous recording
    (EDF+D) are NaN.
    """
    import edfio

    with file.open("rb") as stream:
        header = stream.read(_HEADER)
    is_bdf = header[:8] == _BDF
    n_channels = _field(header, 252, 4, "number of channels", file.name)
    n_records = _field(header, 236, 8, "number of data records", file.name)
    if not 0 < n_channels <= file_ecg.MOST_CHANNELS:
        raise RecordFault("bad-header", f"{file.name}: {n_channels} channels")
    width = 3 if is_bdf else 2
    _check_size(file, n_channels, n_records, width)
    has_gaps = header[192:197] in (b"EDF+D", b"BDF+D")
    starts_s = _starts(file, n_channels, width) if has_gaps else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which were compared above
        edf = edfio.read_bdf(file) if is_bdf else edfio.read_edf(file)
        traces, left_out, fs_hz = _traces(edf, file.name)
        if starts_s is not None:
            traces = [part for one in traces for part in _apart(one, starts_s, fs_hz, file.name)]
        names, signal = file_ecg.assemble(traces, file.name)
        age_days, sex = _person(edf)
    return FileEcg(names, signal, fs_hz, NAME, age_days=age_days, sex=sex, left_out=left_out)


def _check_size(file: Path, n_channels: int, n_records: int, width: int) -> None:
    """Compare the header's number of data records with the size of the file."""
    with file.open("rb") as stream:
        header = stream.read(_HEADER * (1 + n_channels))
    at = _HEADER + n_channels * 216
    per_record = sum(
        _field(header, at + 8 * row, 8, "samples per data record", file.name)
        for row in range(n_channels)
    )
    content = file.stat().st_size - len(header)
    if per_record < 1 or len(header) < _HEADER * (1 + n_channels):
        raise RecordFault("bad-header", f"{file.name}: the header is truncated or has no samples")
    stored, rest = divmod(content, per_record * width)
    expected = stored if n_records == -1 else n_records  # -1: the recorder was stopped
    if stored < expected or (rest and stored <= expected):
        raise RecordFault(
            "truncated-signal", f"{file.name}: {stored} whole data records; header {n_records}"
        )
    if stored > expected or rest:
        raise RecordFault(
            "overlong-signal", f"{file.name}: {stored} data records and more; header {n_records}"
        )


def _starts(file: Path, n_channels: int, width: int) -> NDArray[np.float64]:
    """Return when each data record of EDF+D begins, s from the first; shape (n_records,).

    The first annotation of a record says it: EDF+, 2.2.4, 'time-keeping'.
    """
    data = file.read_bytes()
    at = _HEADER + n_channels * 216
    sizes = [
        width * _field(data, at + 8 * row, 8, "samples per data record", file.name)
        for row in range(n_channels)
    ]
    labels = [data[_HEADER + 16 * row : _HEADER + 16 * row + 16] for row in range(n_channels)]
    marked = [row for row, label in enumerate(labels) if label.strip().endswith(b"Annotations")]
    if not marked:
        raise RecordFault("bad-header", f"{file.name}: EDF+D without annotations")
    first = _HEADER * (1 + n_channels) + sum(sizes[: marked[0]])
    found = []
    for begin in range(first, len(data) - sizes[marked[0]] + 1, sum(sizes)):
        onset = _ONSET.match(data[begin : begin + sizes[marked[0]]])
        if onset is None:
            raise RecordFault("damaged-file", f"{file.name}: a data record without its time")
        found.append(float(onset[1]))
    return np.array([onset - found[0] for onset in found])


def _apart(trace: Trace, starts_s: NDArray[np.float64], fs_hz: float, place: str) -> list[Trace]:
    """Return a channel's data records where they belong, those without a gap in one piece."""
    records = trace.mv.reshape(len(starts_s), -1)
    length = records.shape[1]
    if starts_s[-1] * fs_hz > file_ecg.LONGEST or (np.diff(starts_s) < 0).any():
        raise RecordFault("bad-field", f"{place}: the times of its data records are implausible")
    starts = np.rint(starts_s * fs_hz).astype(int)
    # A sample more or less between records is the clock of the recorder.
    is_new = np.abs(np.diff(starts) - length) > 1
    pieces = np.split(np.arange(len(starts)), np.flatnonzero(is_new) + 1)
    return [Trace(trace.name, int(starts[rows[0]]), records[rows].reshape(-1)) for rows in pieces]


def _field(header: bytes, at: int, size: int, what: str, place: str) -> int:
    value = numbers.whole(header[at : at + size].decode("latin-1"))
    if value is None:
        raise RecordFault("bad-header", f"{place}: {what} is not an integer")
    return value


def _traces(edf: Any, place: str) -> tuple[list[Trace], tuple[str, ...], float]:
    kept, left_out = [], []
    for signal in edf.signals:
        unit = _unit(signal)
        name = lead_names.display(signal.label)
        role = lead_names.role(signal.label)
        if unit.lower() not in MV_PER_UNIT or role == "not-ecg":
            if role == "lead":
                raise RecordFault(
                    "unknown-unit",
                    f"{place}: channel {lead_names.shown(signal.label)}: "
                    f"unit {numbers.quoted(unit)}; expected uV",
                )
            left_out.append(f"{name} ({unit[:12]})" if unit.lower() not in MV_PER_UNIT else name)
        else:
            kept.append(signal)
    ecgs = [
        signal
        for signal in kept
        if lead_names.role(signal.label) != "other" or lead_names.is_called_ecg(signal.label)
    ]
    chosen = (
        ecgs or kept
    )  # an EEG's channels in addition to an ECG; a recorder of one lead may name none
    left_out += [lead_names.display(signal.label) for signal in kept if signal not in chosen]
    if not chosen:
        raise RecordFault("no-ecg", f"{place}: {len(left_out)} channels, none is an ECG")
    rates = sorted({float(signal.sampling_frequency) for signal in chosen})
    if len(rates) > 1:
        detail = ", ".join(f"{rate:g}" for rate in rates)
        raise RecordFault("unsupported-format", f"{place}: ECG channels at {detail} Hz")
    file_ecg.require_size(len(chosen), len(chosen[0].digital), place)
    traces = []
    for signal in chosen:
        low, high = signal.physical_range
        bottom, top = signal.digital_range
        if low == high or bottom >= top:
            raise RecordFault(
                "zero-gain", f"{place}: channel {lead_names.shown(signal.label)}: no range"
            )
        mv_per_unit = MV_PER_UNIT[_unit(signal).lower()]
        scale = (high - low) / (top - bottom) * mv_per_unit
        offset = low * mv_per_unit - bottom * scale
        traces.append(
            Trace(signal.label, 0, np.asarray(signal.digital, np.float64) * scale + offset)
        )
    return traces, tuple(left_out), rates[0]


def _unit(signal: Any) -> str:
    """Return a channel's unit; EDF is ASCII, and `edfio` replaces what is not, as a micro sign."""
    unit: str = signal.physical_dimension.strip()
    return unit.replace("\ufffd\ufffd", "µ").replace("\ufffd", "µ")


def _person(edf: Any) -> tuple[int | None, Sex | None]:
    """Return age and sex as EDF+'s patient field has them; plain EDF has none."""
    try:
        patient = edf.patient
        sex, birth = file_ecg.sex(patient.sex or ""), patient.birthdate
        acquired: date = edf.startdate
    except Exception:  # edfio raises on fields that are no EDF+: then age and sex are not known
        return None, None
    if birth is None or birth > acquired:
        return None, sex
    return file_ecg.age_days("", "", birth, acquired), sex
