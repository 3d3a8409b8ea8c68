"""Fake people with an ECG and labels each, and what a reader must say of their records.

The ECGs are sums of Gaussian waves. `public_data_sets` writes them in the layouts of public data.
"""

import csv
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.core.records import Sex

Labels = dict[str, int | None]
Signal = NDArray[np.float64]
SUPERCLASSES = ("mi", "sttc", "cd", "hyp")
KINDS = ("normal", "cd", "hyp", "mi", "rate", "sttc", "rhythm", "unnamed")
_AGES = (34, 4, 61, 12, 17, 70, 9, 45)  # years
_WIDTHS = {"cd": 0.05, "mi": 0.03}  # s, of QRS
_GAINS = np.array([0.8, 1.1, 0.5, 0.9, 1.3, 1.5, 1.2, 0.9])  # of I, II and V1 to V6


@dataclass(frozen=True)
class Person:
    """One record to write."""

    number: int
    years: int
    sex: Sex
    kind: str

    @property
    def days(self) -> int:
        return round(self.years * 365.25)


@dataclass(frozen=True)
class Truth:
    """What a reader must say of a record; `signal_mv` in the order of `LEADS`."""

    patient_id: str
    age_days: int | None
    sex: Sex | None
    labels: Labels
    signal_mv: Signal
    fs_hz: float
    tolerance_mv: float


@dataclass
class Made:
    """What a writer made: the truth by record id, and records that must end in quarantine."""

    records: dict[str, Truth] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    unknown_codes: dict[str, int] = field(default_factory=dict)


def people(n: int, kinds: Sequence[str] = KINDS) -> list[Person]:
    """Return people of all ages and kinds, girls and boys."""
    return [
        Person(i, _AGES[i % len(_AGES)], ("female", "male")[i // 2 % 2], kinds[i % len(kinds)])
        for i in range(n)
    ]


def ecg(person: Person, fs_hz: float, seconds: float) -> Signal:
    """Return twelve leads in mV, shape (12, n), that obey Einthoven and Goldberger."""
    rng = np.random.default_rng(person.number)
    time = np.arange(round(fs_hz * seconds)) / fs_hz
    rate_hz = 0.8 if person.kind == "rate" else rng.uniform(1.1, 1.6)
    phase = (time * rate_hz) % 1 / rate_hz
    width = _WIDTHS.get(person.kind, 0.012)
    height = 1.6 if person.kind == "hyp" else 1.0
    t_wave = -0.2 if person.kind in ("sttc", "mi") else 0.25
    p_wave = 0.0 if person.kind == "rhythm" else 0.1
    beat = (
        p_wave * np.exp(-(((phase - 0.10) / 0.02) ** 2))
        + height * np.exp(-(((phase - 0.25) / width) ** 2))
        + t_wave * np.exp(-(((phase - 0.48) / 0.05) ** 2))
    )
    rows = _GAINS[:, None] * beat + rng.normal(0, 0.01, (8, len(time)))
    one, two = rows[:2]
    return np.array(
        [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *rows[2:]]
    )


def expected(kind: str) -> Labels:
    """Return the labels of a kind where its code is the only one and every finding has one."""
    if kind == "unnamed":
        return dict.fromkeys(("abnormal", "abnormal_beyond_rate", "norm", *SUPERCLASSES))
    classes: Labels = dict.fromkeys(SUPERCLASSES, 0 if kind == "normal" else None)
    if kind == "normal":
        return {"abnormal": 0, "abnormal_beyond_rate": 0, "norm": 1, **classes}
    if kind == "rate":
        return {"abnormal": 1, "abnormal_beyond_rate": 0, "norm": None, **classes}
    absent = None if kind == "rhythm" else 0
    classes = {name: 1 if name == kind else absent for name in SUPERCLASSES}
    return {"abnormal": 1, "abnormal_beyond_rate": 1, "norm": 0, **classes}


def write_wfdb(
    stem: Path,
    names: Sequence[str],
    signal_mv: Signal,
    fs_hz: float,
    gain: int,
    comments: Iterable[str] = (),
    storage: str = "16",
    units: Sequence[str] = (),
) -> Signal:
    """Write a record of format 16, 24 or ``mat``; return the mV that its counts stand for."""
    counts = np.rint(signal_mv * gain).astype(np.int64)
    values = np.ascontiguousarray(counts.T)
    stem.parent.mkdir(parents=True, exist_ok=True)
    if storage == "24":
        data = values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        data = values.astype("<i2").tobytes()
    suffix, layout = ".dat", storage
    if storage == "mat":
        shape = (len(names), values.shape[0])
        data = struct.pack("<5i4s", 30, *shape, 0, 4, b"val\0") + data
        suffix, layout = ".mat", "16+24"
    stem.with_name(stem.name + suffix).write_bytes(data)
    lines = [f"{stem.name} {len(names)} {fs_hz:g} {values.shape[0]}"]
    for row, name in enumerate(names):
        total = int(counts[row].sum()) % 65536
        total -= 65536 * (total > 32767)  # as the challenges write it
        unit = units[row] if units else "mV"
        lines.append(
            f"{stem.name}{suffix} {layout} {gain}/{unit} 16 0 {counts[row, 0]} {total} 0 {name}"
        )
    stem.with_name(stem.name + ".hea").write_text("\n".join([*lines, *comments]) + "\n")
    return counts / gain


def write_table(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as CSV, with the columns of the first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
