"""Nothing that is learnt, chosen or shown to a reviewer depends on the test records.

Every test record gets another signal, age, label and z-score; statistics, weights, the rules'
curves, thresholds, validation figures, candidates and predictions of all others stay the same.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scratch import Project

from pedecg.core import tables

MODELS = ("rules", "resnet1d_age")
STAGES = (
    ("lead_statistics.py",),
    ("label_decisions.py",),
    ("model_inputs.py",),
    ("train.py", "rules", "0"),
    ("train.py", "resnet1d_age", "0"),
    *(("evaluate.py", model) for model in MODELS),
    ("noise_review.py",),
)


@pytest.mark.slow
def test_changing_every_test_record_changes_nothing_that_was_learnt(project: Project) -> None:
    before, answers = learnt(project.folder), on_test(project.folder)
    disturb(project.folder / "data")
    for script, *arguments in STAGES:
        project.run("python", f"stages/{script}", *arguments)
    assert learnt(project.folder) == before
    assert on_test(project.folder) != answers  # the disturbance did arrive


def disturb(data: Path) -> None:
    splits = pd.read_parquet(data / "interim/splits.parquet")
    test = set(splits.loc[splits["split"] == "test", "record_id"])
    rng = np.random.default_rng(0)

    index = pd.read_parquet(data / "processed/signals/index.parquet")
    samples = np.fromfile(data / "processed/signals/samples.i16", "<i2")
    for row in index[index["record_id"].isin(test)].itertuples():
        place = slice(row.offset, row.offset + 12 * row.n_samples)
        samples[place] = rng.integers(-3000, 3000, 12 * row.n_samples)
    (data / "processed/signals/samples.i16").unlink()  # it may be a link into DVC's cache
    samples.tofile(data / "processed/signals/samples.i16")

    def change(file: Path, schema: Any, columns: str, value: Any) -> None:
        table = tables.read(file, schema)
        here = table["record_id"].isin(test)
        for column in table.filter(regex=columns).columns:
            table.loc[here, column] = value(table.loc[here, column])
        tables.write(table, file, schema)

    other = r"^(?!record_id$)"
    change(data / "interim/labels.parquet", tables.LABELS, other, lambda label: 1 - label)
    change(data / "interim/records.parquet", tables.RECORDS, "age_days", lambda age: age * 0 + 77)
    change(data / "features/rules.parquet", tables.RULES, "^z_", lambda z: z * 0 + 9)


def on_test(folder: Path) -> list[float]:
    predictions = pd.read_parquet(folder / "predictions/resnet1d_age.parquet")
    return predictions.loc[predictions["split"] == "test", "probability"].tolist()


def learnt(folder: Path) -> dict[str, Any]:
    """Return the bytes, or the rows and figures without the test split, of all that is learnt."""
    found: dict[str, Any] = {
        name: (folder / name).read_bytes()
        for name in (
            "data/processed/lead_statistics.json",
            "models/rules/seed0/model.json",
            "models/resnet1d_age/seed0/weights.safetensors",
            "data/review/candidates.parquet",
        )
    }
    for model in MODELS:
        figures = json.loads((folder / f"metrics/evaluate/{model}.json").read_text("utf-8"))
        thresholds = [target["threshold"] for target in figures["test"]["targets"].values()]
        predictions = pd.read_parquet(folder / f"predictions/{model}.parquet")
        others = predictions[predictions["split"] != "test"]
        calibration = (folder / f"calibration/{model}.json").read_bytes()
        found[model] = figures["validation"], thresholds, calibration, others.to_numpy().tolist()
    return found
