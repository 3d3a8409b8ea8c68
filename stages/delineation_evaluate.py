"""Score the delineator on the test records: by source, boundary, lead and heart rate."""

from functools import partial
from pathlib import Path

import pandas as pd

from pedecg import errors, parallel, params, tables
from pedecg.waves import library, report

PLOTS = Path("plots/evaluate")


def main() -> None:
    settings = params.load("evaluate", report.Settings)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = library.read_split(Path("data/interim/library"), splits, [settings.split])
    if not records:
        raise errors.PedecgError(f"evaluate.split: no record is in {settings.split!r}; see split")

    found = partial(report.waves_of, folder=Path("models/delineator"))
    waves = pd.concat(parallel.records(found, records, "delineate"), ignore_index=True)

    tables.write(waves, "data/features/waves.parquet", tables.WAVES)
    tables.write_metrics(report.headline(waves, records), "metrics/evaluate.json")
    for name, table in report.details(waves, records, settings).items():
        tables.write_csv(table, PLOTS / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
