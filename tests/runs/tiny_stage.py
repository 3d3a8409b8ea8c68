"""The one stage of a tiny pipeline: splits made-up patients by parameter and scores made-up models.

What a record is given as probability depends on the record alone, so that pooling folds must give
what all records at once would.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.cohorts import splits
from pedecg.core import params, tables
from pedecg.evaluation import calibration

N, TARGETS = 90, ["chd"]


def truth() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return records, labels and a probability per record, always the same."""
    rng = np.random.default_rng(0)
    ids = [f"R{i:03d}" for i in range(N)]
    y = (rng.random(N) < 0.3).astype(int)
    records = pd.DataFrame(
        {
            "record_id": ids, "patient_id": [f"P{i // 2:03d}" for i in range(N)], "path": "x",
            "fs_hz": 500.0, "n_samples": 5000, "leads": "I II", "age_days": 400, "sex": "female",
            "acquired_at": None, "fold": None, "source_split": None,
        }
    )  # fmt: skip
    labels = pd.DataFrame({"record_id": ids, "chd": y})
    stated = pd.DataFrame({"record_id": ids, "probability": (0.4 * y + rng.random(N)) / 1.5})
    return (
        tables.check(records, tables.RECORDS, "records"),
        tables.check(labels, tables.LABELS, "labels"),
        stated,
    )


def main() -> None:
    train, folds = params.read_section("train"), params.read_section("split")
    settings = splits.SplitSettings(
        seed=1, source="stratified", fractions=[0.6, 0.2, 0.2], age_edges_days=[28],
        train_folds=[], validation_folds=[], test_folds=[], **folds,
    )  # fmt: skip
    records, labels, stated = truth()
    assignment = splits.by_patient(records, labels, settings)
    predictions = stated.merge(assignment[["record_id", "split"]]).assign(seed=0, label="chd")
    tables.write(assignment, "data/interim/splits.parquet", tables.SPLITS)
    tables.write(labels, "data/interim/labels.parquet", tables.LABELS)
    tables.write(predictions, "predictions/cnn.parquet", tables.PREDICTIONS)
    curve = calibration.Curve("none", {}, 0.5, {})
    by_seed = {name: {"chd": curve} for name in (calibration.MEAN, "0")}
    calibration.Calibration("cnn", ("chd",), False, "f1", by_seed).save("calibration/cnn.json")

    folder = Path("models/cnn/seed0")
    epochs = np.arange(1, 6)
    rate = train["learning_rate"]
    curves = pd.DataFrame(
        {
            "epoch": epochs, "lr": rate, "train_loss": 1 / epochs, "val_loss": 1 / epochs + rate,
            "val_auroc": 0.5 + epochs / 20 - 100 * rate * (epochs == 5),
        }
    )  # fmt: skip
    tables.write_csv(curves, folder / "curves.csv")
    (folder / "model.json").write_text(json.dumps({"model": "cnn", "best_epoch": 4}))
    value = 0.8 + rate + folds["folds"] / 100 + folds["fold"] / 1000
    figure = {"value": value, "low": 0.7, "high": 0.9}
    tables.write_metrics({"test": {"macro": {"auroc": figure}}}, "metrics/evaluate/cnn.json")


if __name__ == "__main__":
    main()
