"""Read every record and code of a cohort; what cannot be used goes to quarantine with its reason.

``python stages/ingest.py [section of params.yaml] [folder of outputs]``
"""

import sys
from pathlib import Path

from pedecg.cohorts import cohort_settings, ingest
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import errors, params, tables


def main() -> None:
    section, base = sys.argv[1:] or ("cohort", "data")
    cohort = cohort_settings.load(section)
    settings = params.load("ingest", IngestSettings)

    found = ingest.ingest(cohort, settings)

    tables.write(found.records, f"{base}/interim/records.parquet", tables.RECORDS)
    tables.write(found.labels, f"{base}/interim/labels.parquet", tables.LABELS)
    tables.write(found.quarantine, f"{base}/interim/quarantine.parquet", tables.QUARANTINE)
    listed = f"{base}/interim/quarantine.csv"
    tables.write_csv(found.quarantine, listed)
    if len(found.quarantine):
        print(f"ingest: {len(found.quarantine)} in quarantine, with reasons: {listed}")
    tables.write(found.findings, f"{base}/interim/findings.parquet", tables.FINDINGS)
    tables.write(found.quality, f"{base}/interim/quality.parquet", tables.QUALITY)
    tables.write(found.notes, f"{base}/interim/notes.parquet", tables.NOTES)
    external = Path(base).parts[1:]
    kind = "ingest_external" if external else "ingest"
    file = "/".join(("metrics", kind, *external[1:]))
    tables.write_metrics(found.metrics, f"{file}.json", kind)
    ingest.require_enough(found, settings, listed)


if __name__ == "__main__":
    errors.one_line(main)
