"""Small cohorts, written file by file so that a test can break exactly one thing."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.ingest import Ingested, ingest
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params

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
