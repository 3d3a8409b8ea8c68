"""Validate a finished model on one external cohort; nothing is fitted there.

It runs as stage ``external_validation@NAME``; see `stage_item.cohort`.
"""

from pathlib import Path

from pedecg.core import errors, experiment, params, stage_item, tables
from pedecg.evaluation import external_validation, select_models
from pedecg.learning import batches, cohort_predictions
from pedecg.models import registry
from pedecg.plots import forest_plot
from pedecg.signals import signal_store


def main() -> None:
    files = stage_item.cohort()
    name, base, folder = files.name, files.folder, Path("plots/external", files.name)
    settings = params.load("external_validation", external_validation.ExternalSettings)
    cohort = params.read_section(f"{files.section}.name")
    model, seeds = select_models.read_one("external_validation"), experiment.seeds()
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    external_records = tables.read(base / "interim/records.parquet", tables.RECORDS)
    external_labels = tables.read(base / "interim/labels.parquet", tables.LABELS)
    external_rules = tables.read(base / "features/rules.parquet", tables.RULES)
    signals = signal_store.open_store(base / "processed/signals")

    trainings = [registry.load(folder) for folder in model.trainings(seeds)]
    external = external_validation.prepare(
        name, external_records, external_labels, signals.record_ids, trainings[0].targets, settings
    )
    ids = external.records[["record_id"]]
    rows = batches.dataset(signals, external.records, ids, external_rules)
    predictions = cohort_predictions.predict(trainings, rows, "external")
    found = external_validation.validate_cohort(
        model, predictions, external, (records, labels, splits), seeds, settings
    )

    tables.write(predictions, base / f"predictions/{model.name}.parquet", tables.PREDICTIONS)
    tables.write_metrics(found.metrics, f"metrics/external/{name}.json")
    folder.mkdir(parents=True, exist_ok=True)
    for table_name, table in found.tables.items():
        tables.write_csv(table, folder / f"{table_name}.csv")
    if "figures" in found.tables:
        forest_plot.auroc(
            found.tables["figures"], found.title, found.sizes, folder / "forest.png", cohort
        )


if __name__ == "__main__":
    errors.one_line(main)
