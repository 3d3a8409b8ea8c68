"""Validate a finished model on the external cohort; nothing is fitted there."""

from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import external_validation, select_models
from pedecg.learning import batches, cohort_predictions
from pedecg.models import registry
from pedecg.plots import forest_plot
from pedecg.signals import signal_store

FOLDER = Path("plots/external")


def main() -> None:
    settings = params.load("external_validation", external_validation.ExternalSettings)
    cohort = params.read_section("external_cohort.name")
    model, seeds = select_models.read_one("external_validation"), experiment.seeds()
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    external_records = tables.read("data/external/interim/records.parquet", tables.RECORDS)
    external_labels = tables.read("data/external/interim/labels.parquet", tables.LABELS)
    signals = signal_store.open_store("data/external/processed/signals")

    trainings = [registry.load(folder) for folder in model.trainings(seeds)]
    external = external_validation.prepare(
        external_records, external_labels, signals.record_ids, trainings[0].targets, settings
    )
    rows = batches.dataset(signals, external.records, external.records[["record_id"]])
    predictions = cohort_predictions.predict(trainings, rows, "external")
    found = external_validation.validate_cohort(
        model, predictions, external, (records, labels, splits), seeds, settings
    )

    tables.write(predictions, f"data/external/predictions/{model.name}.parquet", tables.PREDICTIONS)
    tables.write_metrics(found.metrics, "metrics/external_validation.json")
    tables.write_metrics(found.summary, "metrics/external_summary.json", "external_summary")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, table in found.tables.items():
        tables.write_csv(table, FOLDER / f"{name}.csv")
    if "figures" in found.tables:
        figure = FOLDER / "forest.png"
        forest_plot.auroc(found.tables["figures"], found.title, found.sizes, figure, cohort)


if __name__ == "__main__":
    errors.one_line(main)
