"""Compare all models of the run on the same test records."""

from pathlib import Path

from pedecg.core import errors, experiment, params, run_models, tables
from pedecg.evaluation import compare, curves, evaluate, goals, net_benefit
from pedecg.plots import decision_curves, forest_plot

FOLDER = Path("plots/compare")
CURVES = Path("plots/curves")  # small tables, in git


def main() -> None:
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    wanted = params.load("goals", goals.GoalSettings)
    cohort = params.read_section("cohort.name")
    run, seeds = run_models.read(), experiment.seeds()
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    scored = compare.score(run.names, labels, splits, seeds, settings)
    figures = evaluate.as_table(scored.test)
    differences = compare.differences(scored.test, scored.probabilities)
    benefit = net_benefit.of_models(scored.cases, scored.probabilities, settings)
    counted = evaluate.enough(scored.cases, settings.min_positives)
    evaluate.warn_of_few(scored.cases, settings.min_positives)
    prevalences = net_benefit.prevalences(scored.cases, counted)

    summary = compare.summary(scored.test, scored.validation, cohort)
    best = compare.best(scored.validation)
    reached = {"goals": goals.judge(best, scored.test, wanted, cohort)}
    tables.write_metrics(summary | reached, "metrics/summary.json")
    about = {"cohort": cohort, "baselines": run.baselines}
    results = {"figures": compare.figures(scored.test), **reached}
    beside = {"published": goals.published(wanted, cohort)}
    tables.write_metrics(about | results | beside, "metrics/compare.json", "compare")
    tables.write_csv(figures, FOLDER / "figures.csv")
    tables.write_csv(differences, FOLDER / "differences.csv")
    tables.write_csv(benefit, FOLDER / "decision.csv")
    title, size = compare.sentence(figures), scored.cases.size
    forest_plot.auroc(figures, title, size, FOLDER / "forest.png", cohort, run.baselines)
    decision_curves.draw(benefit, prevalences, size, FOLDER / "decision.png", cohort)
    for name, table in curves.of_models(run.names, Path("plots/evaluate")).items():
        tables.write_csv(table, CURVES / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
