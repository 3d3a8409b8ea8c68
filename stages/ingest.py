"""Read every record and code of a cohort; what cannot be used goes to quarantine with its reason.

As stage ``ingest_external@NAME`` an external cohort; see `stage_item.cohort`.
"""

from pedecg.cohorts import cohort_settings, ingest
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import errors, params, stage_item, tables


def main() -> None:
    files = stage_item.cohort()
    interim = files.folder / "interim"
    cohort = cohort_settings.load(files.section)
    settings = params.load("ingest", IngestSettings)

    found = ingest.ingest(cohort, settings)

    tables.write(found.records, interim / "records.parquet", tables.RECORDS)
    tables.write(found.labels, interim / "labels.parquet", tables.LABELS)
    tables.write(found.quarantine, interim / "quarantine.parquet", tables.QUARANTINE)
    listed = (interim / "quarantine.csv").as_posix()
    tables.write_csv(found.quarantine, listed)
    if len(found.quarantine):
        print(f"ingest: {len(found.quarantine)} in quarantine, with reasons: {listed}")
    tables.write(found.findings, interim / "findings.parquet", tables.FINDINGS)
    tables.write(found.quality, interim / "quality.parquet", tables.QUALITY)
    tables.write(found.notes, interim / "notes.parquet", tables.NOTES)
    tables.write_metrics(found.metrics, *files.metrics("ingest"))
    ingest.require_enough(found, settings, listed)


if __name__ == "__main__":
    errors.one_line(main)
