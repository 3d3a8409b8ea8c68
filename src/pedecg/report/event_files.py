"""Learning curves as the event files that TensorBoard reads, without TensorBoard.

An event file is a row of records (length, its checksum, bytes, their checksum), each a protocol
buffer of the message ``Event``. Checksums are masked CRC-32C, as TFRecord has them. Time is the
epoch, so that the same curves give the same bytes.
"""

import struct
from pathlib import Path

import pandas as pd

from pedecg.core import tables

NAME = "events.out.tfevents.0.pedecg"
_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected
_MASK = 0xA282EAD8
_VERSION = b"brain.Event:2"


def write(curves: pd.DataFrame, folder: Path) -> Path:
    """Write every column of learning curves against its column ``epoch``; return the file."""
    parts = [_record(_double(1, 0.0) + _bytes(3, _VERSION))]
    names = [name for name in curves.columns if name != "epoch"]
    for row in curves.to_dict("records"):
        values = b"".join(
            _bytes(1, _bytes(1, name.encode()) + _float(2, row[name])) for name in names
        )
        epoch = int(row["epoch"])
        parts.append(_record(_double(1, epoch) + _whole(2, epoch) + _bytes(5, values)))
    with tables.replacing(folder / NAME) as temporary:
        temporary.write_bytes(b"".join(parts))
    return folder / NAME


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _masked(length) + event + _masked(event)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def _whole(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", number)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _float(field: int, number: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", number)
