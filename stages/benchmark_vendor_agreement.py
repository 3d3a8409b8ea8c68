"""Compare our measurements with those in vendors' XML files."""

import sys
from pathlib import Path

from pedecg.benchmarks import benchmark_settings, vendor_agreement
from pedecg.core import errors, params, tables

FILE = "metrics/vendor_agreement.json"


def main() -> None:
    root = benchmark_settings.folder("data.vendor_xml")
    if reason := benchmark_settings.not_measured("data.vendor_xml", root):
        tables.write_metrics({"records": 0, "not_measured": reason}, FILE)
        return
    by = vendor_agreement.measurement(Path("../..") / params.PARAMS_FILE)

    rows, without = vendor_agreement.compare_all(Path(root), by)

    for line in without:
        print(f"not compared: {line}", file=sys.stderr)
    metrics = {
        "records": int(rows["file"].nunique()),
        "without_measurements": len(without),
        "programs": vendor_agreement.agreement(rows),
    }
    tables.write_metrics(metrics, FILE)


if __name__ == "__main__":
    errors.one_line(main)
