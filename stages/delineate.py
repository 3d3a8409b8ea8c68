"""Find where P, QRS and T begin, peak and end."""

from functools import partial

import pandas as pd

from pedecg.core import errors, parallel, params, tables
from pedecg.signals import signal_store
from pedecg.waves import delineate

SIGNALS = "data/processed/signals"


def main() -> None:
    settings = params.load("delineate", delineate.DelineateSettings)
    positions = range(len(signal_store.open_store(SIGNALS)))

    one = partial(delineate.stored, folder=SIGNALS, settings=settings)
    waves = pd.concat(parallel.records(one, positions, "delineate"), ignore_index=True)

    tables.write(waves, "data/features/waves.parquet", tables.WAVES)
    tables.write_metrics(delineate.summary(waves, len(positions)), "metrics/delineate.json")


if __name__ == "__main__":
    errors.one_line(main)
