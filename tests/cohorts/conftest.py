"""Small cohorts, written file by file so that a test can break exactly one thing."""

import csv
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cohort_tables
import numpy as np
import pandas as pd
import pytest

from pedecg.cohorts import splits
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.ingest import Ingested, ingest
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params
from pedecg.core.records import LEADS

PARAMS = Path(__file__).parents[2] / "params.yaml"
TWELVE = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
ZZU_COLUMNS = (
    "Filename", "ECG_ID", "Patient_ID", "Age", "Gender", "Acquisition_date", "Sampling_point",
    "Lead", "AHA_code", "CHN_code", "ICD-10 code", "pSQI", "basSQI", "bSQI",
)  # fmt: skip


def write_record(
    stem: Path,
    leads: tuple[str, ...] = TWELVE,
    counts: np.ndarray | None = None,
    fs: str = "500",
    gains: str = "1000.5(7)/mV",
) -> np.ndarray:
    """Write a format-16 record as ZZU-pECG does; returns its counts, (n_samples, n_leads)."""
    if counts is None:
        time = np.arange(1000)
        wave = 600 * np.sin(2 * np.pi * time / 71) ** 9
        noise = np.random.default_rng(len(stem.name)).integers(-9, 9, (1000, len(leads)))
        counts = (wave[:, None] * np.linspace(1, 2, len(leads))).astype(int) + noise
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".dat").write_bytes(counts.astype("<i2").tobytes())
    sums = counts.sum(axis=0) % 2**16
    lines = [f"{stem.name} {len(leads)} {fs} {len(counts)}"]
    lines += [
        f"{stem.name}.dat 16 {gains} 16 0 {first} {total} 0 {lead}"
        for lead, first, total in zip(leads, counts[0], sums, strict=True)
    ]
    stem.with_suffix(".hea").write_text("\n".join([*lines, "# Female 360"]) + "\n")
    return counts


def edit(file: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def write_csv(file: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    """Write rows as CSV; keys beyond the columns are an error."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_wfdb_of_any_shape(
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


@dataclass
class ZzuCohort:
    """A cohort in the layout of ZZU-pECG; `write` its table after its rows are as wanted."""

    root: Path
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, patient: str = "P00001", exam: int = 1, files: bool = True, **cells: str) -> Path:
        """Add a 12-lead record and its row; returns the record's path without suffix."""
        record = f"{patient}_E{exam:02d}"
        path = f"{patient[:3]}/{patient}/{record}"
        self.rows.append(
            {
                "Filename": path,
                "ECG_ID": record,
                "Patient_ID": patient,
                "Age": "572d",
                "Gender": "'Female'",
                "Acquisition_date": "2022-09-03 03:31:50",
                "Sampling_point": "1000",
                "Lead": "12",
                "AHA_code": "'C21'",
                "ICD-10 code": "'Q21.0'",
                **cells,
            }
        )
        stem = self.root / "Child_ecg" / path
        if files:
            write_record(stem)
        return stem

    def write(self, columns: tuple[str, ...] = ZZU_COLUMNS) -> Path:
        """Write the table of attributes."""
        file = self.root / "AttributesDictionary.csv"
        self.root.mkdir(parents=True, exist_ok=True)
        write_csv(file, columns, [{c: row.get(c, "") for c in columns} for row in self.rows])
        return file


@pytest.fixture
def zzu(tmp_path: Path) -> ZzuCohort:
    return ZzuCohort(tmp_path / "zzu")


@pytest.fixture
def cohort_settings() -> Callable[..., CohortSettings]:
    """Build a cohort section from params.yaml with some keys changed (``manifest__labels``)."""

    def build(name: str, root: Path, **changed: Any) -> CohortSettings:
        values = params.read_section("cohort", PARAMS) | {"name": name, "root": str(root)}
        for key, value in changed.items():
            inner = values
            *walked, last = key.split("__")
            for part in walked:
                inner = inner[part]
            inner[last] = value
        return params.parse(values, "cohort", CohortSettings, "params.yaml")

    return build


@pytest.fixture
def ingest_settings() -> IngestSettings:
    return params.load("ingest", IngestSettings, PARAMS)


@pytest.fixture
def run(
    cohort_settings: Callable[..., CohortSettings],
    ingest_settings: IngestSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Ingested]:
    """Ingest a cohort in this process."""
    monkeypatch.setenv("PEDECG_JOBS", "1")

    def ingested(name: str, root: Path, **changed: Any) -> Ingested:
        return ingest(cohort_settings(name, root, **changed), ingest_settings)

    return ingested


@pytest.fixture
def reasons(run: Callable[..., Ingested]) -> Callable[[ZzuCohort], dict[str, str]]:
    """Ingest a ZZU cohort and return its quarantine, reason by record."""

    def found(cohort: ZzuCohort, **changed: Any) -> dict[str, str]:
        cohort.write()
        table = run("zzu", cohort.root, **changed).quarantine
        return dict(zip(table["record_id"], table["reason"], strict=True))

    return found


@pytest.fixture
def recorder() -> Callable[..., np.ndarray]:
    return write_record


@pytest.fixture
def replace_in() -> Callable[[Path, str, str], None]:
    return edit


@pytest.fixture
def csv_writer() -> Callable[..., None]:
    return write_csv


@pytest.fixture
def wfdb_file() -> Callable[..., Path]:
    return write_wfdb_of_any_shape


@pytest.fixture(scope="session")
def ingested() -> Callable[..., dict[str, pd.DataFrame]]:
    return cohort_tables.ingested


@pytest.fixture(scope="session")
def cohort() -> Callable[..., cohort_tables.Cohort]:
    return cohort_tables.repeated_examinations


@pytest.fixture(scope="session")
def split_settings() -> Callable[..., splits.SplitSettings]:
    """Return a maker of settings: the usual ones, with what a test changes."""

    def make(**changed: object) -> splits.SplitSettings:
        usual = {
            "seed": 7,
            "source": "stratified",
            "fractions": [0.6, 0.2, 0.2],
            "age_edges_days": [28, 365, 1826, 3652],
            "train_folds": [1, 2, 3, 4, 5, 6, 7, 8],
            "validation_folds": [9],
            "test_folds": [10],
            "folds": 0,
            "fold": 0,
        }
        return splits.SplitSettings(**{**usual, **changed})

    return make
