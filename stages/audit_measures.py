"""Compare measures with the limits for age and sex, and criteria with the readers' codes."""

from pathlib import Path

from pedecg.core import errors, params, tables
from pedecg.evaluation import reader_agreement
from pedecg.plots import measures_over_age
from pedecg.rules import audit_measures, norms


def main() -> None:
    cohort = params.read_section("cohort.name")
    files = [params.read_section(f"rule_features.{name}") for name in ("limits", "thresholds")]
    limits = norms.load(*files)
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    findings = tables.read("data/interim/findings.parquet", tables.FINDINGS)

    table = audit_measures.children(rules, records)
    counted = audit_measures.outside(table)
    agreement = reader_agreement.agreement(rules, findings, records)

    tables.write_csv(counted, "data/audit_measures/outside_limits.csv")
    measures_over_age.draw(table, counted, limits, Path("plots/audit_measures"), cohort)
    tables.write_metrics(audit_measures.summary(counted), "metrics/audit_measures.json")
    tables.write_metrics(agreement, "metrics/reader_agreement.json")


if __name__ == "__main__":
    errors.one_line(main)
