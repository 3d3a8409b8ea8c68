"""Find where P, QRS and T begin, peak and end.

As stage ``delineate_external@NAME`` in an external cohort; see `stage_item.cohort`.
"""

from functools import partial

from pedecg.core import errors, parallel, params, row_groups, stage_item, tables
from pedecg.signals import signal_store
from pedecg.waves import delineate


def main() -> None:
    files = stage_item.cohort()
    signals = f"{files.folder}/processed/signals"
    settings = params.load("delineate", delineate.DelineateSettings)
    positions = range(len(signal_store.open_store(signals)))

    one = partial(delineate.stored, folder=signals, settings=settings)
    counts = delineate.Counts()
    waves = counts.of(parallel.records(one, positions, "delineate"))

    row_groups.write(waves, files.folder / "features/waves.parquet", tables.WAVES)
    tables.write_metrics(counts.summary(), files.metrics("delineate")[0])


if __name__ == "__main__":
    errors.one_line(main)
