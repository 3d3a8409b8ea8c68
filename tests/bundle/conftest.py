"""A small pipeline that has run, and the bundle of its network."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_project import (
    CURVES,
    MODEL,
    ROOT,
    SEEDS,
    TARGETS,
    Ecg,
    prepared,
    settings_of,
    simulated_ecgs,
    trained,
)

from pedecg import tables
from pedecg.bundle import assemble
from pedecg.evaluation.calibration import MEAN, Calibration
from pedecg.records import LEADS
from pedecg.signals import statistics
from pedecg.signals.store import open_store, write_store


@pytest.fixture(scope="session")
def ecgs() -> dict[str, Ecg]:
    return simulated_ecgs()


@pytest.fixture(scope="session")
def project(tmp_path_factory, ecgs) -> Path:
    """A folder as the pipeline leaves it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    interim = folder / "data" / "interim"
    records = pd.DataFrame(
        [
            {
                "record_id": name, "patient_id": name, "path": name, "fs_hz": ecg.fs_hz,
                "n_samples": ecg.signal_mv.shape[1], "leads": " ".join(ecg.leads),
                "age_days": int(ecg.age_days), "sex": ecg.sex, "acquired_at": None, "fold": None,
                "source_split": None,
            }
            for name, ecg in ecgs.items()
        ]
    )  # fmt: skip
    tables.write(records, interim / "records.parquet", tables.RECORDS)
    labels = pd.DataFrame({"record_id": list(ecgs), **dict.fromkeys(TARGETS, 1)})
    tables.write(labels, interim / "labels.parquet", tables.LABELS)
    splits = pd.DataFrame({"record_id": list(ecgs), "patient_id": list(ecgs), "split": "train"})
    tables.write(splits, interim / "splits.parquet", tables.SPLITS)
    processed = folder / "data" / "processed"
    rows = ((name, *prepared(ecg, folder)) for name, ecg in ecgs.items())
    write_store(processed / "signals", 250.0, LEADS, rows)
    store = open_store(processed / "signals")
    tables.write_metrics(
        statistics.of_leads(store, np.arange(len(store))), processed / "lead_statistics.json"
    )
    for seed in SEEDS:
        one = trained(MODEL, settings_of(MODEL), seed=seed)
        one.save(folder / "models" / MODEL / f"seed{seed}")
    curves = {str(seed): CURVES for seed in (*SEEDS, MEAN)}
    fitted = Calibration(MODEL, TARGETS, False, "f1", curves)
    fitted.save(folder / "calibration" / f"{MODEL}.json")
    return folder


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, project) -> Path:
    """The bundle of that pipeline's network."""
    out = tmp_path_factory.mktemp("out") / "bundle"
    assemble.write(project / "models" / MODEL, out, project)
    return out
