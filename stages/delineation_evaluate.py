"""Score the delineator on the test records: by source, boundary, lead and heart rate."""

from functools import partial
from pathlib import Path

import pandas as pd

from pedecg.core import errors, parallel, params, tables
from pedecg.delineator import annotated_library, delineation_metrics

PLOTS = Path("plots/evaluate")


def main() -> None:
    settings = params.load("evaluate", delineation_metrics.Settings)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = annotated_library.read_split(Path("data/interim/library"), splits, [settings.split])
    if not records:
        raise errors.PedecgError(f"evaluate.split: no record is in {settings.split!r}; see split")

    found = partial(delineation_metrics.waves_of, folder=Path("models/delineator"))
    waves = pd.concat(parallel.records(found, records, "delineate"), ignore_index=True)

    tables.write(waves, "data/features/waves.parquet", tables.WAVES)
    tables.write_metrics(delineation_metrics.headline(waves, records), "metrics/evaluate.json")
    for name, table in delineation_metrics.details(waves, records, settings).items():
        tables.write_csv(table, PLOTS / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
