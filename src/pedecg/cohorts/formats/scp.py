"""SCP-ECG (EN 1064, ISO 11073-91064): uncompressed, Huffman, with reference-beat subtraction."""

import binascii
import struct
from datetime import date
from pathlib import Path

import numpy as np

from pedecg.cohorts.formats import ecgdatakit_files, file_ecg, lead_names
from pedecg.cohorts.formats.file_ecg import FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

NAME = "SCP-ECG"
SUFFIXES = (".scp", ".scp-ecg")
_HEADER = 16  # bytes of a section before its content
_AGE, _BIRTH, _SEX, _ACQUIRED = 4, 5, 8, 25  # tags of section 1
_AGE_UNITS = {1: "years", 2: "months", 3: "weeks", 4: "days", 5: "hours"}
_SEXES: dict[int, Sex] = {1: "male", 2: "female"}
_BINARY_RATES = (128.0, 256.0, 512.0, 1024.0)  # Hz
_FULL_LENGTH = 65_534  # bytes: the most that the 16-bit length of a lead can say


def recognises(start: bytes) -> bool:
    """Return whether section 0 begins where the standard requires."""
    if len(start) < 32:
        return False
    section, length = struct.unpack_from("<HI", start, 8)
    first, _, index = struct.unpack_from("<HII", start, 22)
    return bool(section == 0 and length >= 26 and first == 0 and index == 7)


def read(file: Path) -> FileEcg:
    """Read the rhythm of section 6, never the reference beat; raises `RecordFault`.

    The checksums of the file and its sections are verified.
    """
    data = file.read_bytes()
    (length,) = struct.unpack_from("<I", data, 2)
    _verify(data[:2] + data[2:length], "the record", file.name)
    sections = _sections(data, file.name)
    age_days, sex = _person(sections.get(1, b""))
    if 2 not in sections and len(sections.get(6, b"")) > _FULL_LENGTH:
        plain = _plain(sections, file.name)
        if plain is not None:
            traces, fs_hz = plain
            names, signal = file_ecg.assemble(traces, file.name)
            return FileEcg(names, signal, fs_hz, NAME, age_days=age_days, sex=sex)
    from ecgdatakit.parsing.parsers.scp_ecg import SCPECGParser

    _check_counts(sections.get(3, b""), file.name)
    record = ecgdatakit_files.parse(SCPECGParser(), file)
    interval_us = record.raw_metadata.get("rhythm_sample_interval_us", 0)
    if not 0 < interval_us <= 100_000:
        raise RecordFault("zero-rate", f"{file.name}: a sample every {interval_us} µs")
    starts = [int(lead.annotations.get("start_sample", "1")) for lead in record.leads]
    first = min(starts, default=0)
    return ecgdatakit_files.ecg(
        record, file, NAME, _rate(interval_us), age_days, sex, [start - first for start in starts]
    )


def _sections(data: bytes, place: str) -> dict[int, bytes]:
    """Return the content of each section by its number."""
    found = {}
    try:
        (length,) = struct.unpack_from("<I", data, 10)
        for at in range(6 + _HEADER, min(6 + length, len(data)) - 9, 10):
            number, size, index = struct.unpack_from("<HII", data, at)
            if size > _HEADER and index > 0 and number < 128:
                if index - 1 + size > len(data):
                    raise RecordFault(
                        "truncated-signal", f"{place}: section {number} ends beyond the file"
                    )
                _verify(data[index - 1 : index - 1 + size], f"section {number}", place)
                found[number] = data[index - 1 + _HEADER : index - 1 + size]
    except struct.error:
        raise RecordFault("damaged-file", f"{place}: truncated in section 0") from None
    return found


def _verify(part: bytes, what: str, place: str) -> None:
    """Compare a CRC-CCITT, the first two bytes, with the rest."""
    (stated,) = struct.unpack_from("<H", part)
    if stated != binascii.crc_hqx(part[2:], 0xFFFF):
        raise RecordFault("corrupt-signal", f"{place}: {what} fails its checksum")


def _check_counts(section3: bytes, place: str) -> None:
    """Refuse lengths that would fill the memory before anything is decoded."""
    n_leads = section3[0] if section3 else 0
    try:
        spans = [struct.unpack_from("<II", section3, 2 + 9 * row) for row in range(n_leads)]
    except struct.error:
        raise RecordFault("damaged-file", f"{place}: section 3 is truncated") from None
    longest = max((last - first + 1 for first, last in spans), default=0)
    file_ecg.require_size(n_leads, max(longest, 0), place)


def _plain(sections: dict[int, bytes], place: str) -> tuple[list[Trace], float] | None:
    """Read leads of over 32,767 samples stored as they are; None: it is another kind of file.

    The 16-bit length of a lead is full there, and section 3 tells more samples than are stored.
    """
    section3, section6 = sections.get(3, b""), sections[6]
    n_leads = section3[0] if section3 else 0
    if not n_leads or len(section6) < 6 + 2 * n_leads or len(section3) < 2 + 9 * n_leads:
        return None
    nv, interval_us, difference, _ = struct.unpack_from("<HHBB", section6)
    sizes = struct.unpack_from(f"<{n_leads}H", section6, 6)
    subtracted = section3[1] & 1
    if difference or subtracted or set(sizes) != {_FULL_LENGTH}:
        return None
    if not nv or not interval_us or len(section6) < 6 + 2 * n_leads + sum(sizes):
        raise RecordFault("bad-field", f"{place}: section 6 has no scale, no rate or no samples")
    counts = np.frombuffer(section6, "<i2", sum(sizes) // 2, 6 + 2 * n_leads)
    traces = [
        Trace(_name(section3[2 + 9 * row + 8]), 0, values * (nv * 1e-6))
        for row, values in enumerate(counts.reshape(n_leads, -1).astype(np.float64))
    ]
    return traces, _rate(interval_us)


def _rate(interval_us: int) -> float:
    """Return the rate in Hz behind a whole number of microseconds: 1667 stands for 600 Hz."""
    exact = 1e6 / interval_us
    for rate in (5.0 * round(exact / 5), *_BINARY_RATES):
        if rate > 0 and round(1e6 / rate) == interval_us:
            return rate
    return exact


def _name(number: int) -> str:
    return lead_names.BY_NUMBER.get(number, f"lead {number}")


def _person(section1: bytes) -> tuple[int | None, Sex | None]:
    """Return the age in days, as stated or from the dates, and the sex."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(section1) and section1[at] != 255:
        length = int.from_bytes(section1[at + 1 : at + 3], "little")
        tags.setdefault(section1[at], section1[at + 3 : at + 3 + length])
        at += 3 + length
    age = tags.get(_AGE, b"")
    stated = int.from_bytes(age[:2], "little") if len(age) >= 3 else 0
    unit = _AGE_UNITS.get(age[2], "") if len(age) >= 3 else ""
    days = None
    birth, acquired = _date(tags.get(_BIRTH, b"")), _date(tags.get(_ACQUIRED, b""))
    if stated and unit:
        days = file_ecg.age_days(str(stated), unit, None, None)
    elif birth is not None and acquired is not None and birth <= acquired:
        days = file_ecg.age_days("", "", birth, acquired)
    return days, _SEXES.get(tags.get(_SEX, b"\0")[:1].ljust(1, b"\0")[0])


def _date(cell: bytes) -> date | None:
    """Read year, month and day; broken dates are none."""
    try:
        return date(int.from_bytes(cell[:2], "little"), cell[2], cell[3])
    except (ValueError, IndexError):
        return None
