"""Band-pass and resample every record into one signal store.

As stage ``preprocess_external@NAME`` those of an external cohort; see `stage_item.cohort`.
"""

from functools import partial

from pedecg.cohorts import accepted_records
from pedecg.core import errors, parallel, params, stage_item, tables
from pedecg.signals import preprocess


def main() -> None:
    files = stage_item.cohort()
    root = params.read_section(f"{files.section}.root")
    settings = params.load("preprocess", preprocess.PreprocessSettings)
    records = tables.read(files.folder / "interim/records.parquet", tables.RECORDS)
    quality = tables.read(files.folder / "interim/quality.parquet", tables.QUALITY)

    read = partial(accepted_records.read_signal, root=root)
    prepare = partial(preprocess.read_and_prepare, read=read, settings=settings)
    prepared = parallel.records(prepare, preprocess.jobs(records, quality), "preprocess")
    done = preprocess.write(prepared, f"{files.folder}/processed/signals", settings)

    tables.write_metrics(done, files.metrics("preprocess")[0])


if __name__ == "__main__":
    errors.one_line(main)
