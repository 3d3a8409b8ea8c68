"""Score the networks that read signals alone by segment and by recording."""

from pathlib import Path
from typing import Any

from pedecg.core import errors, experiment, params, run_models, tables
from pedecg.evaluation import cases, evaluate, segments
from pedecg.learning import batches, trained_network
from pedecg.signals import signal_store

PLOTS = Path("plots/segments")


def main() -> None:
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    seconds, seeds = params.read_section("train.crop_seconds"), experiment.seeds()
    models = [m.name for m in run_models.read().networks if "rules" not in m.reads]
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    signals = signal_store.open_store("data/processed/signals")

    test = cases.of_split(labels, splits, "test")
    age_days, sex = batches.ages_and_sexes(records.set_index("record_id").loc[[*test.record_ids]])
    positions = signals.positions(test.record_ids)
    figures: dict[str, Any] = {}
    PLOTS.mkdir(parents=True, exist_ok=True)
    for model in models:
        windows = [
            trained_network.load(f"models/{model}/seed{seed}", test.targets).predict_windows(
                signals, positions, age_days, sex
            )
            for seed in seeds
        ]
        found = segments.as_metrics(test, windows, settings.challenge_classes, settings)
        figures[model] = {"segment_s": seconds, **found}
        tables.write_csv(segments.as_table(found, model), PLOTS / f"{model}.csv")

    tables.write_metrics(figures, "metrics/segments.json")


if __name__ == "__main__":
    errors.one_line(main)
