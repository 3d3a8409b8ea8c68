"""Find where P, QRS and T begin, peak and end."""

from functools import partial

from pedecg.core import errors, parallel, params, row_groups, tables
from pedecg.signals import signal_store
from pedecg.waves import delineate

SIGNALS = "data/processed/signals"


def main() -> None:
    settings = params.load("delineate", delineate.DelineateSettings)
    positions = range(len(signal_store.open_store(SIGNALS)))

    one = partial(delineate.stored, folder=SIGNALS, settings=settings)
    counts = delineate.Counts()
    waves = counts.of(parallel.records(one, positions, "delineate"))

    row_groups.write(waves, "data/features/waves.parquet", tables.WAVES)
    tables.write_metrics(counts.summary(), "metrics/delineate.json")


if __name__ == "__main__":
    errors.one_line(main)
