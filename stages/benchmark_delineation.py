"""Compare delineators on labelled records: ``python stages/benchmark_delineation.py ludb``."""

import sys
from pathlib import Path

from pedecg.benchmarks import benchmark_settings, delineation_records, delineation_scores
from pedecg.core import errors, params, tables


def main() -> None:
    source = sys.argv[1]
    root = benchmark_settings.folder(f"data.delineation.{source}")
    file = f"metrics/delineation_{source}.json"
    if reason := benchmark_settings.not_measured(f"data.delineation.{source}", root):
        tables.write_metrics({"records": 0, "not_measured": reason}, file)
        return
    settings = params.load("delineation", benchmark_settings.DelineationSettings)
    resampling = params.load("resampling", benchmark_settings.ResamplingSettings)
    held_out = delineation_records.held_out(Path(settings.weights)).get(source, [])
    only = held_out if settings.records == "held_out" else None
    records = delineation_records.read(source, Path(root), only)

    compared = delineation_scores.delineators(settings)
    scores = delineation_scores.boundaries(source, compared, records, resampling)

    metrics = {
        "records": len(records),
        "pedecg_training_records": sum(record.record_id not in held_out for record in records),
        "versions": delineation_scores.versions(),
        "delineators": scores,
    }
    tables.write_metrics(metrics, file)


if __name__ == "__main__":
    errors.one_line(main)
