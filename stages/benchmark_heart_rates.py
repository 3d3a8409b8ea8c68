"""Compare delineators on simulated children at fixed heart rates."""

from pathlib import Path

from pedecg.benchmarks import delineation_records, delineation_scores
from pedecg.benchmarks.benchmark_settings import DelineationSettings, HeartRateSettings
from pedecg.core import errors, params, tables
from pedecg.delineator import simulated_records


def main() -> None:
    settings = params.load("heart_rates", HeartRateSettings)
    compared = delineation_scores.delineators(params.load("delineation", DelineationSettings))
    delineation_params = Path("../delineation") / params.PARAMS_FILE
    child = params.load("simulate", simulated_records.Settings, delineation_params)

    by_rate = {
        rate: delineation_records.simulated(rate, settings, child) for rate in settings.rates_bpm
    }
    detected = delineation_scores.detection(compared, by_rate)

    metrics = {
        "records": settings.records * len(by_rate),
        "versions": delineation_scores.versions(),
        "detected_up_to_bpm": delineation_scores.highest_rates(detected, settings),
    }
    tables.write_metrics(metrics, "metrics/heart_rates.json")
    tables.write_csv(detected, "plots/heart_rates/detection.csv")


if __name__ == "__main__":
    errors.one_line(main)
