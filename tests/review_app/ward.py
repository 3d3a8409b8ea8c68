"""A pipeline's folder as ingest leaves it: simulated children, one test pulse, one hostile name."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb
from numpy.typing import NDArray
from ruamel.yaml import YAML

from pedecg.core import params, tables
from pedecg.core.records import LEADS
from pedecg.delineator import simulated_records
from pedecg.rules import norms

ROOT = Path(__file__).resolve().parents[2]
FS_HZ = 500.0
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
PULSE = "PULSE"
PULSE_FROM_S, PULSE_S, PULSE_MV = 1.0, 0.2, 1.0
# record, patient, age in days, recorded labels of (abnormal, chd), split
Row = tuple[str, str, int, tuple[int | None, int | None], str]
ROWS: tuple[Row, ...] = (
    ("A1", "A", 400, (1, 1), "train"),
    ("A2", "A", 800, (1, 0), "train"),
    ("B1", "B", 3, (0, 0), "train"),
    (HOSTILE, "C", 2000, (1, 1), "validation"),
    (PULSE, "D", 4000, (0, None), "train"),
    ("E1", "E", 5000, (0, 0), "test"),
)
# record, label, probability, in order of rank
CANDIDATES = (
    ("A1", "chd", 0.04), ("A2", "chd", 0.93), (HOSTILE, "chd", 0.08), ("B1", "chd", 0.81),
    ("A1", "abnormal", 0.2), ("B1", "abnormal", 0.7),
)  # fmt: skip


@dataclass(frozen=True)
class Ward:
    """The folder and what `ecg_source.open_tables` reads from it."""

    folder: Path
    records: pd.DataFrame
    labels: pd.DataFrame
    splits: dict[str, str]
    statements: dict[str, list[str]]

    @property
    def candidates(self) -> Path:
        return self.folder / "data" / "review" / "candidates.parquet"


def pulse() -> NDArray[np.float32]:
    """Ten seconds of silence with one rectangular pulse in every lead, shape (12, n), mV.

    The ends are not quite silent: they would be taken for padding.
    """
    signal = np.zeros((len(LEADS), round(10 * FS_HZ)), np.float32)
    signal[:, [0, -1]] = 0.001
    first = round(PULSE_FROM_S * FS_HZ)
    signal[:, first : first + round(PULSE_S * FS_HZ)] = PULSE_MV
    return signal


def written(folder: Path, copies: int = 0) -> Ward:
    """Write the ward and return it; `copies` of its ECGs under other names become candidates."""
    folder.mkdir(exist_ok=True)
    _parameters(folder)
    raw = folder / "data" / "raw" / "simulated"
    raw.mkdir(parents=True)
    simulator = params.load(
        "simulate", simulated_records.Settings, ROOT / "pipelines" / "delineation" / "params.yaml"
    )
    rows = []
    for number, (record_id, patient, age, _, _) in enumerate(ROWS):
        signal = pulse()
        if record_id != PULSE:
            signal = np.array(simulated_records.simulate(number, simulator).signal_mv, np.float32)
        wfdb.wrsamp(
            f"r{number}", FS_HZ, ["mV"] * len(LEADS), list(LEADS), p_signal=signal.T.astype(float),
            fmt=["16"] * len(LEADS), adc_gain=[1000.0] * len(LEADS), baseline=[0] * len(LEADS),
            write_dir=str(raw),
        )  # fmt: skip
        rows.append(
            {
                "record_id": record_id, "patient_id": patient, "path": f"r{number}",
                "fs_hz": FS_HZ, "n_samples": signal.shape[1], "leads": " ".join(LEADS),
                "age_days": age, "sex": ("female", "male")[number % 2],
                "acquired_at": f"2024-0{number + 1}-02 10:00:00", "fold": None,
                "source_split": None,
            }
        )  # fmt: skip
    known = list(ROWS)
    for copy in range(copies):
        name, number = f"Z{copy:03d}", copy % 4
        rows.append({**rows[number], "record_id": name, "patient_id": name})
        known.append((name, name, 400, (copy % 2, copy % 2), "train"))
    records = tables.check(pd.DataFrame(rows), tables.RECORDS, "records")
    labels = pd.DataFrame(
        [(record_id, *given) for record_id, _, _, given, _ in known],
        columns=["record_id", "abnormal", "chd"],
    )
    labels = tables.check(labels, tables.LABELS, "labels")
    splits = pd.DataFrame(
        [(r, p, s) for r, p, _, _, s in known], columns=["record_id", "patient_id", "split"]
    )
    findings = pd.DataFrame(
        {
            "record_id": ["A1", "A1", "B1"], "vocabulary": "aha", "code": ["Q21.1", "L155", "A1"],
            "modifiers": None, "description": ["Atrial septal defect", None, "Normal ECG"],
            "likelihood": np.nan,
        }
    )  # fmt: skip
    interim = folder / "data" / "interim"
    tables.write(records, interim / "records.parquet", tables.RECORDS)
    tables.write(labels, interim / "labels.parquet", tables.LABELS)
    tables.write(splits, interim / "splits.parquet", tables.SPLITS)
    tables.write(findings, interim / "findings.parquet", tables.FINDINGS)
    ward = Ward(
        folder, records, labels, dict(zip(splits["record_id"], splits["split"], strict=True)),
        {"A1": ["Atrial septal defect", "L155"], "B1": ["Normal ECG"]},
    )  # fmt: skip
    _candidates(ward, known)
    return ward


def _candidates(ward: Ward, known: list[Row]) -> None:
    given = {row[0]: dict(zip(("abnormal", "chd"), row[3], strict=True)) for row in known}
    asked = [*CANDIDATES, *((row[0], "chd", 0.5) for row in known[len(ROWS) :])]
    patients = dict(zip(ward.records["record_id"], ward.records["patient_id"], strict=True))
    rows = [
        {
            "rank": rank, "record_id": record_id, "patient_id": patients[record_id],
            "label": label, "given": given[record_id][label], "probability": probability,
            "label_quality": 0.01 * rank, "flagged": True,
        }
        for rank, (record_id, label, probability) in enumerate(asked, start=1)
    ]  # fmt: skip
    tables.write(pd.DataFrame(rows), ward.candidates, tables.CANDIDATES)


def _parameters(folder: Path) -> None:
    """The project's own params.yaml, and the limits that it names."""
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    named = YAML(typ="safe").load((folder / "params.yaml").read_text(encoding="utf-8"))
    for key, file in (("limits", norms.LIMITS), ("thresholds", norms.THRESHOLDS)):
        place = folder / named["rule_features"][key]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def ward_number(record_id: str) -> int:
    """Return the first case of a record, from 0."""
    return next(n for n, (record, _, _) in enumerate(CANDIDATES) if record == record_id)
