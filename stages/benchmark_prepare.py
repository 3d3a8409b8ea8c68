"""Prepare a cohort for cross-validation.

``python stages/benchmark_prepare.py ptbxl PRESET``
"""

import sys
from pathlib import Path

from pedecg.benchmarks import benchmark_settings, prepare_cohort, prepared_cohort
from pedecg.core import errors


def main() -> None:
    cohort, preset = sys.argv[1:]
    root = benchmark_settings.folder(f"data.{cohort}")
    folder = Path("data") / cohort
    if reason := benchmark_settings.not_measured(f"data.{cohort}", root):
        prepared_cohort.write_not_measured(reason, folder)
        return
    prepare_cohort.prepare(root, Path(preset).resolve(), folder)


if __name__ == "__main__":
    errors.one_line(main)
