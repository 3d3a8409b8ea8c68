"""Compare criteria with the statements of PTB-XL's cardiologists."""

import sys
from pathlib import Path

from pedecg.benchmarks import benchmark_settings, criterion_agreement, vendor_agreement
from pedecg.core import errors, params, tables
from pedecg.rules import norms
from pedecg.rules.rule_features import RuleFeaturesSettings

FILE = "metrics/criterion_agreement.json"
ROOT = Path("../..")


def main() -> None:
    root = benchmark_settings.folder("data.ptbxl")
    if reason := benchmark_settings.not_measured("data.ptbxl", root):
        tables.write_metrics({"records": 0, "not_measured": reason}, FILE)
        return
    by = vendor_agreement.measurement(ROOT / params.PARAMS_FILE)
    rules = params.load("rule_features", RuleFeaturesSettings, ROOT / params.PARAMS_FILE)
    limits = norms.load(ROOT / rules.limits, ROOT / rules.thresholds)

    rows, without = criterion_agreement.judge_all(Path(root), by, limits)

    for line in without:
        print(f"not compared: {line}", file=sys.stderr)
    agreement = criterion_agreement.agreement(rows)
    metrics = {
        "records": len(rows),
        "at_500_hz": int((rows["fs_hz"] == 500).sum()),
        "without_signal": len(without),
        "findings": agreement,
    }
    tables.write_metrics(metrics, FILE)
    print("\n".join(criterion_agreement.table_lines(agreement)))


if __name__ == "__main__":
    errors.one_line(main)
