"""The normal heart by age, from normal training records: what explanations start from."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.cohorts import normal_records
from pedecg.core import errors, parallel, params, tables
from pedecg.explain import explain_tables, normal_beats
from pedecg.explain.beat_regions import GLOBAL
from pedecg.explain.explain_settings import NormalBeatsSettings
from pedecg.signals import signal_store

SIGNALS = Path("data/processed/signals")


def main() -> None:
    settings = params.load("normal_beats", NormalBeatsSettings)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    waves = tables.read("data/features/waves.parquet", tables.WAVES, {"lead": [GLOBAL]})
    signals = signal_store.open_store(SIGNALS)

    training = splits.loc[splits["split"] == "train", "record_id"]
    normal_ones = normal_records.select(labels, training, settings.target)
    ages = records.set_index("record_id")["age_days"].reindex(normal_ones)
    ages_days = ages.to_numpy(np.float64, na_value=np.nan)
    of_record = dict(list(waves.groupby("record_id")))
    healthy = [
        normal_beats.Healthy(int(position), age, of_record.get(key, waves.iloc[:0]))
        for key, position, age in zip(
            normal_ones, signals.positions(normal_ones), ages_days, strict=True
        )
    ]
    shape_of = partial(normal_beats.shape_of, folder=SIGNALS)
    shapes = list(parallel.records(shape_of, healthy, "normal beats"))
    found = normal_beats.fit(shapes, ages_days, signals.leads)

    columns = list(explain_tables.NORMAL_BEATS.columns)
    written = found.table() if found else pd.DataFrame(columns=columns)
    tables.write(written, "data/features/normal_beats.parquet", explain_tables.NORMAL_BEATS)


if __name__ == "__main__":
    errors.one_line(main)
