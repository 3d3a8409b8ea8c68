"""Small WFDB records in every shape that a user may name."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pedecg.core.records import LEADS


def write_wfdb(
    stem: Path,
    names: tuple[str, ...] = LEADS,
    signal_mv: np.ndarray | None = None,
    fs_hz: float = 500,
    comments: tuple[str, ...] = (),
    suffix: str = ".dat",
) -> Path:
    """Write a record of format 16, 1,000 counts per mV; returns its path without suffix."""
    if signal_mv is None:
        time = np.arange(round(4 * fs_hz)) / fs_hz
        signal_mv = np.tile(np.sin(2 * np.pi * 1.5 * time) ** 21, (len(names), 1))
    counts = np.rint(1000 * signal_mv.T).astype("<i2")
    # MATLAB 4: 16-bit integers, rows, columns, real, the length of the name, the name.
    matrix = struct.pack("<5i4s", 30, len(names), len(counts), 0, 4, b"val")
    before = matrix if suffix == ".mat" else b""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_name(stem.name + suffix).write_bytes(before + counts.tobytes())
    layout = "16+24" if before else "16"
    sums = np.zeros(len(names), int) if before else counts.sum(axis=0) % 2**16
    lines = [f"{stem.name} {len(names)} {fs_hz:g} {len(counts)}"]
    lines += [
        f"{stem.name}{suffix} {layout} 1000(0)/mV 16 0 {first} {total} 0 {name}"
        for name, first, total in zip(names, counts[0], sums, strict=True)
    ]
    lines += [f"# {comment}" for comment in comments]
    stem.with_name(stem.name + ".hea").write_text("\n".join(lines) + "\n")
    return stem


@pytest.fixture
def wfdb_file() -> Callable[..., Path]:
    return write_wfdb
