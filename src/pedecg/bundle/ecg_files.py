"""ECGs from files, for `run.py`: WFDB records, CSV of millivolts, .npy.

Copied into every bundle, so it imports numpy alone, and wfdb where a WFDB record is asked for. What
cannot be read is a ValueError of one line.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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
        return np.load(path, allow_pickle=False), fs_hz, tuple(leads)
    with path.open(encoding="utf-8-sig") as file:
        names = [name.strip() for name in file.readline().split(",")]
        rows = np.genfromtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
    if rows.shape[1] != len(names):
        raise ValueError(f"{len(names)} names in the header, {rows.shape[1]} columns")
    return rows.T, fs_hz, tuple(names)


def _read_wfdb(path: Path) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Read a WFDB record; what the package wfdb would assume without a word is refused."""
    try:
        import wfdb
    except ImportError:
        raise ValueError("WFDB records need the package wfdb") from None
    header = path if path.suffix == ".hea" else Path(f"{path}.hea")
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
    """Refuse a header without a sampling rate (wfdb assumes 250 Hz) or a gain (it assumes 200)."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    lines = [fields for fields in lines if not fields[0].startswith("#")]
    if not lines or len(lines[0]) < 3 or not _positive(re.split("[/(]", lines[0][2])[0]):
        raise ValueError("the header states no sampling rate above 0 Hz")
    for fields in lines[1:]:
        if len(fields) < 3 or not _positive(re.split("[(/]", fields[2])[0]):
            name = fields[8] if len(fields) > 8 else fields[0]
            raise ValueError(f"{name}: no gain above 0; how high its waves are is not known")


def _positive(text: str) -> bool:
    return bool(re.fullmatch(r"\+?[0-9.]+([eE][-+]?[0-9]+)?", text)) and float(text) > 0
