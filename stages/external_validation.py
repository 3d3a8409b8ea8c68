"""Take a finished model to another hospital; nothing is fitted there."""

from pathlib import Path

import numpy as np

from pedecg.core import errors, params, tables
from pedecg.evaluation import (
    calibration,
    cases,
    curves,
    evaluate,
    external_validation,
    label_mapping,
)
from pedecg.learning import batches, trained_network
from pedecg.plots import forest_plot
from pedecg.signals import signal_store


def main() -> None:
    settings = params.load("external_validation", external_validation.ExternalSettings)
    cohort = params.read_section("external_cohort.name")
    seeds = evaluate.trained_seeds()
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    here = tables.read(f"predictions/{settings.model}.parquet", tables.PREDICTIONS)
    their_records = tables.read("data/external/interim/records.parquet", tables.RECORDS)
    their_labels = tables.read("data/external/interim/labels.parquet", tables.LABELS)
    signals = signal_store.open_store("data/external/processed/signals")

    networks = [
        trained_network.load(Path("models") / settings.model / f"seed{seed}") for seed in seeds
    ]
    targets = networks[0].card.targets
    chosen, unknown = settings.chosen(targets)
    about = {"model": settings.model, "mapping": chosen, "unknown_targets": unknown}
    if unknown:
        print(
            f"external_validation: {settings.model} does not know {', '.join(unknown)} of mapping "
            f"{settings.mapping}" + ("" if chosen else ": nothing to validate, no figures")
        )
    if not chosen:
        tables.write_metrics(about | {"external": None}, "metrics/external_validation.json")
        nothing = external_validation.summary(settings.model, None)
        tables.write_metrics(nothing, "metrics/external_summary.json")
        for folder in ("data/external/predictions", "plots/external"):
            Path(folder).mkdir(parents=True, exist_ok=True)
        return
    kept, left_out = external_validation.eligible(their_records, signals.record_ids, settings)
    positions = signals.positions(kept["record_id"])
    age_days, sex = batches.ages_and_sexes(kept)
    p = np.array([network.predict(signals, positions, age_days, sex) for network in networks])
    there = cases.as_predictions(p, list(kept["record_id"]), seeds, targets, "external")

    strangers = cases.of_records(label_mapping.apply(their_labels, chosen), kept)
    test = cases.of_split(labels, splits, "test")
    fitted = calibration.load(f"calibration/{settings.model}.json")
    outcome = external_validation.validate((here, there), fitted, test, strangers, seeds, settings)
    development = cases.of_records(labels, records)
    cohorts = {"internal": (records, development), "external": (kept, strangers)}
    figures = evaluate.as_table({"internal": outcome.internal, "external": outcome.external})

    tables.write(there, f"data/external/predictions/{settings.model}.parquet", tables.PREDICTIONS)
    about["left_out"] = left_out
    results = external_validation.as_metrics(outcome, settings)
    tables.write_metrics(about | results, "metrics/external_validation.json")
    tables.write_metrics(
        external_validation.summary(settings.model, outcome), "metrics/external_summary.json"
    )
    folder = Path("plots/external")
    tables.write_csv(external_validation.case_mix(cohorts), folder / "case_mix.csv")
    tables.write_csv(figures, folder / "figures.csv")
    title = external_validation.sentence(settings.model, outcome)
    sizes = f"{test.size} at home, {strangers.size} abroad"
    forest_plot.auroc(figures, title, sizes, folder / "forest.png", cohort)
    drawn = curves.all_targets(
        strangers, outcome.probabilities, outcome.external.counted, settings.model
    )
    for name, curve in drawn.items():
        tables.write_csv(curve, folder / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
