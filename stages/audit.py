"""Who is in the cohort: tables, pictures and a few numbers."""

from pathlib import Path

from pedecg.cohorts import audit
from pedecg.core import errors, params, tables
from pedecg.plots import audit_figures


def main() -> None:
    cohort = params.read_section("cohort.name")
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    quarantine = tables.read("data/interim/quarantine.parquet", tables.QUARANTINE)
    findings = tables.read("data/interim/findings.parquet", tables.FINDINGS)
    quality = tables.read("data/interim/quality.parquet", tables.QUALITY)

    audited = audit.tables_of(records, labels, quarantine, findings, quality)

    for name, table in audited.items():
        tables.write_csv(table, f"data/audit/{name}.csv")
    audit_figures.draw(audited, quality, Path("plots/audit"), cohort)
    summary = audit.summary(records, quality, audited)
    tables.write_metrics(summary, "metrics/audit.json", "audit")


if __name__ == "__main__":
    errors.one_line(main)
