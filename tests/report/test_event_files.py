"""Event files are what TensorBoard's reader expects, byte by byte."""

import struct

import pandas as pd

from pedecg.report import event_files

CURVES = pd.DataFrame({"epoch": [1, 200], "lr": [1e-3, 5e-4], "val_auroc": [0.5, float("nan")]})


def records(data: bytes) -> list[bytes]:
    """Take TFRecords apart; every checksum must fit."""
    found = []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        event = data[12 : 12 + size]
        assert data[8:12] == event_files._masked(data[:8])
        assert data[12 + size : 16 + size] == event_files._masked(event)
        found.append(event)
        data = data[16 + size :]
    return found


def test_the_checksum_is_the_published_one():
    assert event_files.crc32c(b"123456789") == 0xE3069283
    assert event_files.crc32c(bytes(32)) == 0x8A9136AA


def test_each_epoch_is_an_event_with_every_curve(tmp_path):
    version, first, last = records(event_files.write(CURVES, tmp_path).read_bytes())
    assert version.endswith(b"brain.Event:2")
    rate = b"\x0a\x02lr\x15" + struct.pack("<f", 1e-3)
    auroc = b"\x0a\x09val_auroc\x15" + struct.pack("<f", 0.5)
    values = b"".join(b"\x0a" + bytes([len(v)]) + v for v in (rate, auroc))
    assert first == (
        b"\x09" + struct.pack("<d", 1) + b"\x10\x01" + b"\x2a" + bytes([len(values)]) + values
    )
    assert last[9:12] == b"\x10\xc8\x01"  # epoch 200 takes two bytes


def test_the_same_curves_give_the_same_bytes(tmp_path):
    written = [event_files.write(CURVES, tmp_path / name).read_bytes() for name in "ab"]
    assert written[0] == written[1]
