"""Calibrate one member of the ensemble: ``… --model NAME``."""

from pathlib import Path

from pedecg.core import errors, experiment, params, stage_item, tables
from pedecg.evaluation import cases, ensemble


def main() -> None:
    model = stage_item.read("model").model
    settings = params.load("ensemble", ensemble.EnsembleSettings)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    predictions = cases.read_seeds(model, experiment.seeds())

    members, calibrated = ensemble.fit(model, predictions, labels, settings)

    folder = Path("data/ensemble")
    ensemble.save(members, folder / f"{model}.json")
    tables.write(calibrated, folder / f"{model}.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
