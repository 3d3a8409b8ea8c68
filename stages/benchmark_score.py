"""Score the cross-validated models of a cohort: ``python stages/benchmark_score.py ptbxl``."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pedecg.benchmarks import benchmark_settings, classification_scores, prepared_cohort
from pedecg.core import errors, params, tables

CohortSettings = benchmark_settings.PtbxlSettings | benchmark_settings.Cinc2017Settings
SCORES: dict[str, tuple[Callable[..., dict[str, Any]], type[CohortSettings]]] = {
    "ptbxl": (classification_scores.ranking, benchmark_settings.PtbxlSettings),
    "cinc2017": (classification_scores.challenge, benchmark_settings.Cinc2017Settings),
}


def main() -> None:
    cohort = sys.argv[1]
    file = f"metrics/{cohort}.json"
    score, schema = SCORES[cohort]
    settings = params.load(cohort, schema)
    resampling = params.load("resampling", benchmark_settings.ResamplingSettings)
    if reason := prepared_cohort.reason_not_measured(Path("data") / cohort):
        tables.write_metrics({"records": 0, "not_measured": reason}, file)
        return
    prepared = prepared_cohort.load(Path("data") / cohort)
    by_model = {
        model: classification_scores.probabilities(
            tables.read(f"predictions/{cohort}/{model}.parquet", tables.PREDICTIONS), prepared
        )
        for model in settings.models
    }

    scored = classification_scores.with_means(by_model, settings.means)
    tables.write_metrics(score(prepared, scored, resampling), file)


if __name__ == "__main__":
    errors.one_line(main)
