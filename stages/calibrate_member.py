"""Calibrate one member of the ensemble: ``python stages/calibrate_member.py <model>``."""

import sys
from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import cases, ensemble


def main() -> None:
    model = sys.argv[1]
    settings = params.load("ensemble", ensemble.EnsembleSettings)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    predictions = cases.read_seeds(model, experiment.seeds())

    members, calibrated = ensemble.fit(model, predictions, labels, settings)

    folder = Path("data/ensemble")
    ensemble.save(members, folder / f"{model}.json")
    tables.write(calibrated, folder / f"{model}.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
