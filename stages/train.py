"""Train one network with one seed: ``python stages/train.py <model> <seed>``."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.cohorts import label_decisions
from pedecg.core import errors, params, tables
from pedecg.learning import batches, device
from pedecg.learning.fit import fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import features, registry
from pedecg.signals.signal_store import open_store


def main() -> None:
    name, seed = sys.argv[1], int(sys.argv[2])
    settings = params.load("train", TrainSettings)
    model_settings = params.read_section(f"models.{name}")
    if device.relaunched(settings.processes):
        return
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    if settings.use_decisions:
        labels = label_decisions.apply(labels, splits)
    rules, reads = None, registry.reads(name, model_settings)
    if "rules" in reads:
        rules = tables.read("data/features/rules.parquet", tables.RULES)
    if "numbers" in reads:
        rules = features.with_numbers(records, rules)
    data = batches.dataset(open_store("data/processed/signals"), records, labels, rules)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    split = splits.set_index("record_id").loc[list(data.record_ids), "split"].to_numpy(str)

    fitted = fit(
        name, model_settings, data,
        np.flatnonzero(split == "train"), np.flatnonzero(split == "validation"),
        normalisation, settings, seed,
    )  # fmt: skip
    if not fitted.writes:
        return
    probabilities = fitted.trained.predict(
        data.store, data.positions, data.age_days, data.sex, data.features
    )

    folder = Path(f"models/{name}/seed{seed}")
    fitted.trained.save(folder)
    predictions = batches.predictions(data, split, seed, probabilities)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)
    tables.write_csv(pd.DataFrame(fitted.curves), folder / "curves.csv")


if __name__ == "__main__":
    errors.one_line(main)
