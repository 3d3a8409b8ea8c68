"""Score one model, all its seeds, on validation and test."""

from pathlib import Path

import numpy as np

from pedecg.core import errors, experiment, params, stage_item, tables
from pedecg.evaluation import cases, class_weights, curves, evaluate, fit_calibration, multiclass
from pedecg.plots import reliability_diagram


def main() -> None:
    model = stage_item.read("model").model
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    cohort, task = params.read_section("cohort.name"), params.read_section("train.task")
    seeds = experiment.seeds()
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    predictions = cases.read_seeds(model, seeds)
    subjects = {name: cases.of_split(labels, splits, name) for name in ("validation", "test")}
    raw = {
        name: cases.probabilities(predictions, one, f"models/{model}")
        for name, one in subjects.items()
    }

    classes = task == "multiclass"
    enough = evaluate.enough(subjects["validation"], settings.min_positives)
    fitted = fit_calibration.fit(
        model,
        subjects["validation"],
        raw["validation"],
        seeds,
        settings.calibration,
        enough,
        classes,
    )
    fitted = class_weights.fit_all(
        fitted, subjects["validation"], raw["validation"], seeds, settings
    )
    calibrated = {name: evaluate.calibrated(fitted, p, seeds) for name, p in raw.items()}
    scored = {
        name: evaluate.score(one, calibrated[name], settings) for name, one in subjects.items()
    }
    patients = evaluate.score_patients(subjects["test"], calibrated["test"], settings)

    figures = {name: evaluate.as_metrics(one, settings) for name, one in scored.items()}
    figures["test_patients"] = evaluate.as_metrics(patients, settings)
    counted = scored["test"].counted
    figures["test_before_calibration"] = evaluate.before_calibration(
        subjects["test"], raw["test"], counted
    )
    folder = Path("plots/evaluate") / model
    if classes:
        weights = np.array([fitted.weights(len(fitted.targets), seed) for seed in (None, *seeds)])
        figures["test_classes"] = multiclass.as_metrics(
            subjects["test"], calibrated["test"].p, settings.challenge_classes, settings, weights
        )
        table = multiclass.as_table(figures["test_classes"], model)
        tables.write_csv(table, folder / "classes.csv")
    about = {"model": model, "seeds": seeds, "bootstrap": settings.bootstrap}
    tables.write(predictions, f"predictions/{model}.parquet", tables.PREDICTIONS)
    fitted.save(f"calibration/{model}.json")
    tables.write_metrics({**about, **figures}, f"metrics/evaluate/{model}.json", "evaluate")

    drawn = curves.all_targets(subjects["test"], calibrated["test"].p[0], counted, model)
    for name, curve in drawn.items():
        tables.write_csv(curve, folder / f"{name}.csv")
    pair = {"before": raw["test"].mean(axis=0), "after": calibrated["test"].p[0]}
    both = curves.before_and_after(subjects["test"], pair, counted, model)
    tables.write_csv(both, folder / "reliability.csv")
    reliability_diagram.draw(
        both, pair, figures, fitted, subjects["test"].size, folder / "reliability.png", cohort
    )
    tables.write_csv(curves.learning(Path("models") / model, seeds), folder / "learning.csv")


if __name__ == "__main__":
    errors.one_line(main)
