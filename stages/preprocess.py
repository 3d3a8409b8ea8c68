"""Band-pass and resample every record into one signal store.

`preprocess.py` prepares the section `cohort` into `data`;
`preprocess.py external_cohorts.NAME data/external_cohorts/NAME` another cohort into its own folder.
"""

import sys
from functools import partial
from pathlib import Path

from pedecg.cohorts import accepted_records
from pedecg.core import errors, parallel, params, tables
from pedecg.signals import preprocess


def main() -> None:
    section, base = sys.argv[1:] or ("cohort", "data")
    root = params.read_section(f"{section}.root")
    settings = params.load("preprocess", preprocess.PreprocessSettings)
    records = tables.read(f"{base}/interim/records.parquet", tables.RECORDS)
    quality = tables.read(f"{base}/interim/quality.parquet", tables.QUALITY)

    read = partial(accepted_records.read_signal, root=root)
    prepare = partial(preprocess.read_and_prepare, read=read, settings=settings)
    prepared = parallel.records(prepare, preprocess.jobs(records, quality), "preprocess")
    done = preprocess.write(prepared, f"{base}/processed/signals", settings)

    external = Path(base).parts[1:]
    kind = "preprocess_external" if external else "preprocess"
    tables.write_metrics(done, "/".join(("metrics", kind, *external[1:])) + ".json")


if __name__ == "__main__":
    errors.one_line(main)
