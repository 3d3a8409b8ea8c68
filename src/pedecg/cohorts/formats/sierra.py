"""Philips Sierra (PageWriter, TraceMaster, IntelliSpace ECG): ``<restingecgdata>``.

The package `sierraecg` gives the LZW decoder. Its `read_file` is not used: it keeps no resolution,
age or sex, fails on uncompressed files, and does not end on a chunk of negative size.
"""

import contextlib
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import ages
from pedecg.cohorts.formats import file_ecg, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import FileEcg, Trace
from pedecg.cohorts.formats.xml_file import text
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS, canonical_lead

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sierraecg.lzw import LzwDecoder

ROOT = "restingecgdata"
VENDOR = "Philips Sierra"
VERSIONS = ("1.03", "1.04", "1.04.01", "1.04.02")
_TYPES = ("SierraECG", "PhilipsECG")
_ACQUISITIONS = ("STD-12", "10-WIRE")  # their channels are the twelve leads in the usual order
_LIMB = ("III", "aVR", "aVL", "aVF")
_CODE_BITS = 10  # of the LZW codes in Sierra XML
_MOST_SAMPLES = 120_000  # of a channel; recorders store 11 s
_MOST_LEADS = 32  # its XML has up to 16 leads: more is damage
# tag of the measurement, in each of the versions' two kinds of block
MEASUREMENTS = {
    "heart_rate_bpm": "meanventrate", "pr_ms": "meanprint", "qrs_ms": "meanqrsdur",
    "qt_ms": "meanqtint", "qtc_bazett_ms": "meanqtc", "p_axis_deg": "pfrontaxis",
    "qrs_axis_deg": "qrsfrontaxis", "t_axis_deg": "tfrontaxis",
}  # fmt: skip
_BLOCKS = ("measurements/globalmeasurements", "internalmeasurements/crossleadmeasurements")


def read(root: "Element", place: str) -> FileEcg:
    """Read all leads of a document of version 1.03 to 1.04.02; raises `RecordFault`."""
    kind = text(root, "documentinfo/documenttype")
    version = text(root, "documentinfo/documentversion")
    if kind not in _TYPES or version not in VERSIONS:
        raise RecordFault(
            "unsupported-format",
            f"{place}: a type or version without a reader; expected {', '.join(VERSIONS)}",
        )
    nature = root.find("dataacquisition/signalcharacteristics")
    waveforms = next(root.iter("parsedwaveforms"), None)
    if waveforms is None:
        raise RecordFault("bad-field", f"{place}: no parsedwaveforms")
    rate = text(nature, "samplingrate") or waveforms.get("samplespersecond", "")
    fs_hz = xml_file.require_rate(rate, "samplingrate", place)
    resolution = text(nature, "resolution") or text(nature, "signalresolution")
    resolution = resolution or waveforms.get("resolution", "")
    mv_per_count = xml_file.require_scale(resolution, "resolution", place) / 1000
    labels = _labels(nature, waveforms, place)
    counts = _counts(waveforms, labels, fs_hz, place)
    traces = [Trace(name, 0, row * mv_per_count) for name, row in zip(labels, counts, strict=True)]
    names, signal = file_ecg.assemble(traces, place)
    _check_pulse(signal, fs_hz, place)
    return FileEcg(
        names=names,
        signal=signal,
        fs_hz=fs_hz,
        vendor=VENDOR,
        age_days=_age(root),
        sex=file_ecg.sex(text(root, "patient/generalpatientdata/sex")),
        measurements=_measurements(root),
    )


def _check_pulse(signal: NDArray[np.float32], fs_hz: float, place: str) -> None:
    """Refuse leads without the recorder's pulse where most leads have it.

    XLI has no checksum: a damaged lead decodes to something else from there on, to its end.
    """
    tail = signal[:, -round(0.6 * fs_hz) :]
    high = np.abs(tail - file_ecg.PULSE_MV) < file_ecg.SAME_MV
    pulse = high.sum(axis=0) > len(signal) / 2
    if pulse.sum() < 0.1 * fs_hz:
        return
    without = len(signal) - int(high[:, pulse].all(axis=1).sum())
    if 0 < without < len(signal) / 2:
        raise RecordFault(
            "corrupt-signal", f"{place}: {without} leads lack the calibration pulse of the others"
        )


def _labels(nature: "Element | None", waveforms: "Element", place: str) -> list[str]:
    """Return the channels' names: given, or those of the acquisition type."""
    given = waveforms.get("leadlabels", "").split()
    if given:
        n = numbers.whole(waveforms.get("numberofleads", str(len(given))))
        # Channels without a name may follow, but a name without a channel may be any of them.
        if n is None or not 0 < len(given) <= min(n, _MOST_LEADS):
            raise RecordFault(
                "bad-field",
                f"{place}: {len(given)} lead labels; expected the number in numberofleads",
            )
        return given
    allocated = xml_file.require_number(
        text(nature, "numberchannelsallocated"), "numberchannelsallocated", place
    )
    if text(nature, "acquisitiontype") not in _ACQUISITIONS or not 0 < allocated <= len(LEADS):
        raise RecordFault("bad-field", f"{place}: the channels have no names")
    return list(LEADS[: int(allocated)])


def _counts(waveforms: "Element", labels: list[str], fs_hz: float, place: str) -> NDArray[np.int64]:
    """Decode all channels, shape (n_channels, n_samples)."""
    if waveforms.get("dataencoding", "Base64") != "Base64":
        raise RecordFault("unsupported-format", f"{place}: waveforms that are not Base64")
    raw = xml_file.decode_base64(text(waveforms), place)
    if not raw:
        raise RecordFault("empty-signal", f"{place}: no sample in any lead")
    milliseconds = xml_file.require_number(
        waveforms.get("durationperchannel", ""), "durationperchannel", place
    )
    n_samples = round(milliseconds * fs_hz / 1000)
    if n_samples <= 0:
        raise RecordFault("empty-signal", f"{place}: {milliseconds:g} ms per channel")
    if n_samples > _MOST_SAMPLES:
        raise RecordFault(
            "oversized-file", f"{place}: {n_samples} samples per channel; most {_MOST_SAMPLES}"
        )
    method = waveforms.get("compressmethod") or waveforms.get("compression") or "Uncompressed"
    if method == "XLI":
        counts = _xli(raw, len(labels), n_samples, place)
        return _rebuilt(counts, labels)
    if method != "Uncompressed":
        raise RecordFault(
            "unsupported-format", f"{place}: compression {numbers.quoted(method)}; expected XLI"
        )
    _require_size(len(raw), 2 * n_samples * len(labels), place)
    counts = xml_file.int16(raw).reshape(len(labels), n_samples).astype(np.int64)
    # Some writers store the limb leads as they are, some as XLI does: Einthoven's law tells.
    rebuilt = _rebuilt(counts, labels)
    return rebuilt if _departure(rebuilt, labels) < _departure(counts, labels) else counts


def _xli(raw: bytes, n_channels: int, n_samples: int, place: str) -> NDArray[np.int64]:
    """Undo XLI: per channel a header, then second differences packed by LZW."""
    from sierraecg.lzw import LzwDecoder

    rows: list[NDArray[np.int64]] = []
    at = 0
    while len(rows) < n_channels:
        size = int.from_bytes(raw[at : at + 4], "little", signed=True)
        if len(raw) < at + 8 or size <= 0 or len(raw) < at + 8 + size:
            raise RecordFault(
                "truncated-signal", f"{place}: the waveforms end in channel {len(rows) + 1}"
            )
        first = int.from_bytes(raw[at + 6 : at + 8], "little", signed=True)
        stream = _unpacked(LzwDecoder(raw[at + 8 : at + 8 + size], _CODE_BITS), 4 * n_samples)
        if len(stream) < 2 * n_samples:
            raise RecordFault(
                "truncated-signal", f"{place}: channel {len(rows) + 1} is truncated or altered"
            )
        rows.append(_integrated(stream, first)[:n_samples])
        at += 8 + size
    return np.array(rows)  # what follows are channels without a name: 1.03 stores four empty ones


def _unpacked(decoder: "LzwDecoder", most: int) -> NDArray[np.uint8]:
    """Return what LZW gives, an even number of bytes, and not many more than `most`.

    A damaged stream ends early: codes beyond the table, or a first code that refers back.
    """
    found = bytearray()
    with contextlib.suppress(IndexError):
        while len(found) < most and (byte := decoder.read()) >= 0:
            found.append(byte)
    return np.frombuffer(found + b"\0" * (len(found) % 2), np.uint8)


def _integrated(stream: NDArray[np.uint8], first: int) -> NDArray[np.int64]:
    """Turn high bytes and low bytes into the second differences, and these into counts.

    ``x[i] = 2 x[i-1] - x[i-2] - c[i-1]`` with ``c[1] = first`` and ``c[i] = d[i] - 64``.
    """
    high, low = stream.reshape(2, -1)
    d = ((high.astype(np.uint16) << 8) | low).astype(np.int16).astype(np.int64)
    if len(d) < 3:
        return d
    bend = -np.concatenate([[first], d[2:-1] - 64])
    slope = np.cumsum(np.concatenate([[d[1] - d[0]], bend]))
    # The recorder counts in 16 bits.
    return np.cumsum(np.concatenate([d[:1], slope])).astype(np.int16).astype(np.int64)


def _rebuilt(counts: NDArray[np.int64], labels: list[str]) -> NDArray[np.int64]:
    """Turn what XLI stores of III, aVR, aVL and aVF into the leads themselves.

    Stored is how far each is from what the leads before it foretell.
    """
    row = _rows(labels)
    if not {"I", "II", *_LIMB} <= row.keys():
        return counts
    built = counts.copy()
    one, two = built[row["I"]], built[row["II"]]
    three = two - one - counts[row["III"]]
    built[row["III"]] = three
    built[row["aVR"]] = -counts[row["aVR"]] - (one + two) // 2
    built[row["aVL"]] = (one - three) // 2 - counts[row["aVL"]]
    built[row["aVF"]] = (two + three) // 2 - counts[row["aVF"]]
    return built


def _departure(counts: NDArray[np.int64], labels: list[str]) -> float:
    """Return how far III, aVR, aVL and aVF are from I and II together, mean counts."""
    row = _rows(labels)
    if not {"I", "II", *_LIMB} <= row.keys():
        return 0.0
    given = {name: counts[row[name]].astype(np.float64) for name in ("I", "II")}
    expected = file_ecg.einthoven(given["I"], given["II"])
    return float(np.mean([np.abs(counts[row[name]] - expected[name]).mean() for name in _LIMB]))


def _rows(labels: list[str]) -> dict[str, int]:
    return {canonical_lead(label) or label: number for number, label in enumerate(labels)}


def _age(root: "Element") -> int | None:
    """Read the age; ``defaultage`` is what the recorder assumed, and no age."""
    element = root.find("patient/generalpatientdata/age")
    if element is None:
        return None
    stated = [(text(part), part.tag) for part in element if ages.is_unit(part.tag) and text(part)]
    if len(stated) > 1:  # 1 year and 6 months
        days = sum((numbers.number(cell) or 0.0) * ages.days_per(unit) for cell, unit in stated)
        stated = [(f"{days:.3f}", "days")]
    cell, unit = stated[0] if stated else ("", "")
    acquisition = root.find("dataacquisition")
    acquired = acquisition.get("date", "") if acquisition is not None else ""
    return file_ecg.age_days(cell, unit, _date(text(element, "dateofbirth")), _date(acquired))


def _measurements(root: "Element") -> dict[str, float]:
    for path in _BLOCKS:
        block = root.find(path)
        if block is not None:
            return file_ecg.measured(
                {ours: numbers.number(text(block, tag)) for ours, tag in MEASUREMENTS.items()}
            )
    return {}


def _require_size(found: int, expected: int, place: str) -> None:
    if found != expected:
        reason = "truncated-signal" if found < expected else "overlong-signal"
        raise RecordFault(reason, f"{place}: {found} bytes of waveforms; expected {expected}")


def _date(cell: str) -> date | None:
    """Read ``YYYY-MM-DD``; anything else is not a date."""
    try:
        return date.fromisoformat(cell[:10])
    except ValueError:
        return None
