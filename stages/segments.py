"""Score a network by segment and by recording: ``python stages/segments.py <model>``."""

import sys
from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import cases, evaluate, segments
from pedecg.learning import batches, trained_network
from pedecg.signals import signal_store


def main() -> None:
    model = sys.argv[1]
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    signals = signal_store.open_store("data/processed/signals")

    test = cases.of_split(labels, splits, "test")
    about = records.set_index("record_id").loc[list(test.record_ids)]
    age_days, sex = batches.ages_and_sexes(about)
    said = [
        trained_network.load(f"models/{model}/seed{seed}", test.targets).predict_windows(
            signals, signals.positions(test.record_ids), age_days, sex
        )
        for seed in experiment.seeds()
    ]
    found = segments.as_metrics(test, said, settings.challenge_classes, settings)

    seconds = params.read_section("train.crop_seconds")
    tables.write_metrics(
        {"model": model, "segment_s": seconds, **found}, f"metrics/segments/{model}.json"
    )
    table = segments.as_table(found, model)
    tables.write_csv(table, Path("plots/segments") / f"{model}.csv")


if __name__ == "__main__":
    errors.one_line(main)
