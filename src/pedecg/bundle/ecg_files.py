"""ECGs from files, for `run.py`: WFDB records, CSV of millivolts, .npy.

Copied into every bundle, so it imports numpy alone, and wfdb where a WFDB record is asked for. What
cannot be read is a ValueError of one line. Sizes are checked before anything is read.
"""

import json
import math
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST_CSV, _LARGEST_HEADER = 100_000_000, 1_000_000  # bytes
_MOST_CHANNELS, _MOST_VALUES = 512, 30_000_000  # of a record, as `pedecg predict` reads
# A cell of a CSV. Python's own float also takes 5_00 and digits of other scripts.
_CELL = re.compile(
    r"\s*(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|)\s*",
    re.ASCII | re.IGNORECASE,
)


def read(
    path: Path, fs_hz: float | None, leads: Sequence[str] | None
) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Open an ECG: signal in mV of shape (n_leads, n_samples), its rate, its leads."""
    if path.suffix.lower() not in (".csv", ".npy"):
        return _read_wfdb(path)
    if fs_hz is None:
        raise ValueError("a CSV or .npy file holds no sampling rate; give it with --fs-hz")
    if path.suffix.lower() == ".npy":
        if leads is None:
            raise ValueError("a .npy does not name its leads; name them with --leads I,II,…")
        return _read_npy(path), fs_hz, tuple(leads)
    names, signal = _read_csv(path)
    return signal, fs_hz, names


def number(text: str | None) -> float | None:
    """Read a decimal number of the command line; a ValueError where it is none."""
    if text is None:
        return None
    if not text.strip() or not _CELL.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def features(path: Path | None) -> dict[str, float] | None:
    """Read a JSON object of numbers by name; null is unknown, NaN."""
    if path is None:
        return None
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: is not JSON") from None
    if not isinstance(found, dict) or not all(_is_feature(value) for value in found.values()):
        raise ValueError(f"{path}: expected an object of numbers by name")
    return {name: math.nan if value is None else float(value) for name, value in found.items()}


def _is_feature(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return (
        value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**53)
    )


def _read_npy(path: Path) -> NDArray[Any]:
    # Mapped, so that a header cannot ask for more memory than the file has bytes.
    signal = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(signal, np.ndarray) or signal.dtype.kind not in "fiu":
        raise ValueError("holds no array of numbers")
    if signal.size > _MOST_VALUES:
        raise ValueError(f"{signal.size} values; at most {_MOST_VALUES} are read")
    return signal


def _read_csv(path: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Read lead names and samples, shape (n_leads, n_samples), mV; an empty cell is NaN."""
    size = path.stat().st_size
    if size > _LARGEST_CSV:
        raise ValueError(f"{size} bytes; at most {_LARGEST_CSV} are read")
    values = array("f")
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
        names = tuple(name.strip() for name in header.split(","))
        if len(names) == 1 and re.search("[;\t]", header):
            raise ValueError(
                "columns between semicolons or tabs; expected commas, and a decimal point"
            )
        for row, line in enumerate(file, start=2):
            cells = line.split(",")
            if not line.strip():
                continue
            if len(cells) != len(names):
                raise ValueError(f"line {row}: {len(cells)} cells; the header has {len(names)}")
            if not all(map(_CELL.fullmatch, cells)):
                raise ValueError(f"line {row}: a cell is not a number")
            values.extend(float(cell) if cell.strip() else math.nan for cell in cells)
    return names, np.array(values, np.float32).reshape(-1, len(names)).T


def _read_wfdb(path: Path) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Read a WFDB record; what the package wfdb would assume without a word is refused."""
    try:
        import wfdb
    except ImportError:
        raise ValueError("WFDB records need the package wfdb") from None
    header = path if path.suffix == ".hea" else Path(f"{path}.hea")
    size = header.stat().st_size
    if size > _LARGEST_HEADER:
        raise ValueError(f"a header of {size} bytes; at most {_LARGEST_HEADER} are read")
    _check_header(header.read_text(encoding="latin-1"))
    record = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
    per_mv = {"mv": 1.0, "uv": 1e3, "v": 1e-3}
    unknown = [unit for unit in record.units if unit.lower() not in per_mv]
    if unknown:
        raise ValueError(f"unit {unknown[0]!r}; expected mV, uV or V")
    found = [int(value) & 0xFFFF for value in record.calc_checksum()]
    for lead, stated, sums in zip(record.sig_name, record.checksum, found, strict=True):
        if stated is not None and int(stated) & 0xFFFF != sums:
            raise ValueError(f"lead {lead}: the samples do not fit the checksum in the header")
    signal = record.dac(return_res=32)
    scale = np.array([per_mv[unit.lower()] for unit in record.units])
    return (signal / scale).T.astype(np.float32), float(record.fs), tuple(record.sig_name)


def _check_header(text: str) -> None:
    """Refuse what wfdb would assume, and a size that would fill the memory.

    It assumes a rate of 250 Hz and a gain of 200, also in segments, whose headers are not checked.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    lines = [fields for fields in lines if not fields[0].startswith("#")]
    if not lines or len(lines[0]) < 3 or not _positive(re.split("[/(]", lines[0][2])[0]):
        raise ValueError("the header states no sampling rate above 0 Hz")
    if "/" in lines[0][0]:
        raise ValueError("a record of several segments; expected one")
    n_channels, n_frames = (_whole(text) for text in (lines[0][1], (lines[0] + ["0"])[3]))
    if n_channels != len(lines) - 1 or not 0 < n_channels <= _MOST_CHANNELS:
        raise ValueError(f"the header lists {len(lines) - 1} channels, not as many as it states")
    per_frame = sum(_per_frame(fields) for fields in lines[1:])
    if per_frame * n_frames > _MOST_VALUES:
        raise ValueError(f"{per_frame * n_frames} values; at most {_MOST_VALUES} are read")
    for fields in lines[1:]:
        if len(fields) < 3 or not _positive(re.split("[(/]", fields[2])[0]):
            name = fields[8] if len(fields) > 8 else fields[0]
            raise ValueError(f"{name}: no gain above 0; how high its waves are is not known")


def _positive(text: str) -> bool:
    return bool(re.fullmatch(r"\+?[0-9.]+([eE][-+]?[0-9]+)?", text)) and float(text) > 0


def _whole(text: str) -> int:
    """Return a number of a header; 0 of a date or time, which may stand in place of the samples."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _per_frame(fields: list[str]) -> int:
    """Return the samples of one channel in each frame, as of ``16x4``."""
    stated = re.match("[0-9]+x([0-9]{1,9})", fields[1]) if len(fields) > 1 else None
    return int(stated[1]) if stated else 1
