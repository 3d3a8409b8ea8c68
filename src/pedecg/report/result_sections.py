"""Report sections on performance: results, calibration, comparison, subgroups."""

from collections.abc import Hashable
from typing import Any

from pedecg.report.content_blocks import (
    Block,
    Fold,
    Table,
    Text,
    figure,
    number,
    p_value,
)
from pedecg.report.run_files import RunFiles

METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC (chance: the prevalence)",
    "sens_at_spec95": "sensitivity at 95% specificity",
    "spec_at_sens95": "specificity at 95% sensitivity",
    "sensitivity": "sensitivity at the threshold",
    "specificity": "specificity at the threshold",
    "ppv": "positive predictive value at the threshold",
    "npv": "negative predictive value at the threshold",
    "accuracy": "accuracy at the threshold",
    "f1": "F1 at the threshold",
    "youden": "Youden's J at the threshold",
    "brier": "Brier score",
}
STAR = "*: reads no signals. In brackets: 95% interval from resampling patients. –: not defined."


def results(run: RunFiles) -> list[Block]:
    """Every model and target with intervals, by record and by patient."""
    first = run.evaluated[run.models[0]]
    test = first["test"]
    blocks: list[Block] = [
        Text(
            f"{number(test['records'])} test records of {number(test['patients'])} patients. "
            f"Models: {', '.join(run.mark(model) for model in run.models)}. Chosen on validation "
            f"patients: {run.best}. Probabilities are averaged over the seeds "
            f"({', '.join(map(str, first['seeds']))})."
        ),
        _by_target(run, "auroc", "test", "AUROC on test records"),
    ]
    if "test_classes" in first:
        blocks += _classes(run)
    more = [
        _by_target(run, metric, "test", f"Test records: {name}")
        for metric, name in METRICS.items()
        if metric != "auroc"
    ]
    patients = [
        _by_target(run, metric, "test_patients", f"Test patients: {METRICS[metric]}")
        for metric in ("auroc", "auprc", "sens_at_spec95")
        if "test_patients" in first
    ]
    seeds = Table(
        "AUROC of single seeds: mean and SD",
        ["model", *run.targets],
        [
            [run.mark(model), *(_spread(evaluated["test"]["targets"][t]) for t in run.targets)]
            for model, evaluated in run.evaluated.items()
        ],
    )
    return [
        *blocks,
        Fold("All other figures of the test records", more),
        Fold("By patient (mean of a patient's logits), and the spread over seeds",
             [*patients, seeds]),
    ]  # fmt: skip


def _by_target(run: RunFiles, metric: str, part: str, caption: str) -> Table:
    scored = {model: evaluated[part] for model, evaluated in run.evaluated.items()}
    counts = [
        f"{number(one['positives'])} of {number(one['n'])}"
        for one in scored[run.models[0]]["targets"].values()
    ]
    rows = [
        [
            run.mark(model),
            *(figure(one["targets"][target].get(metric)) for target in run.targets),
            figure(one["macro"].get(metric)),
        ]
        for model, one in scored.items()
    ]
    head = [f"{target} ({count})" for target, count in zip(run.targets, counts, strict=True)]
    return Table(caption, ["model", *head, "macro"], rows, STAR, frozenset([run.mark(run.best)]))


def _spread(target: dict[str, Any]) -> str:
    seeds = target.get("auroc")
    if not seeds or seeds.get("mean") is None:
        return figure(seeds)
    return f"{number(seeds['mean'])} ± {number(seeds.get('sd'))}"


def _classes(run: RunFiles) -> list[Block]:
    """Classes of which exactly one holds: their figures, and the best model's confusion matrix."""
    scored = {model: one["test_classes"] for model, one in run.evaluated.items()}
    names = [name for name in scored[run.models[0]] if name != "confusion"]
    rows = [[name, *(figure(scored[m].get(name)) for m in run.models)] for name in names]
    confusion = scored[run.best]["confusion"]
    counts = [[true, *map(number, row)] for true, row in confusion["true"].items()]
    return [
        Table("One class per record", ["", *map(run.mark, run.models)], rows, STAR),
        Table(
            f"{run.best}: records by true class (rows) and predicted class (columns)",
            ["", *confusion["predicted"]],
            counts,
        ),
    ]


CALIBRATION = {
    "calibration_slope": "Calibration slope (1: ideal)",
    "calibration_intercept": "Calibration intercept (0: ideal)",
    "ece": "Expected calibration error (0: ideal)",
    "brier": "Brier score (0: ideal)",
}


def calibration(run: RunFiles) -> list[Block]:
    """Show the calibration of the probabilities, before and after the correction."""
    blocks: list[Block] = [
        Text(
            "Each correction and threshold was fitted on validation patients. The tables show "
            "test patients: before the correction, then after it with the 95% interval."
        )
    ]
    made = {
        metric: Table(
            name,
            ["model", *run.targets],
            [
                [run.mark(model), *(_before_after(one, target, metric) for target in run.targets)]
                for model, one in run.evaluated.items()
            ],
            strong=frozenset([run.mark(run.best)]),
        )
        for metric, name in CALIBRATION.items()
    }
    blocks += [made.pop("calibration_slope"), made.pop("ece")]
    blocks.append(Fold("Intercept and Brier score", list(made.values())))
    drawn = "Reliability diagram: predicted probability against the observed share, by target."
    best = run.picture(
        f"plots/evaluate/{run.best}/reliability.png", f"{run.best}. {drawn}", wide=True
    )
    others = [
        block
        for model in run.models
        if model != run.best
        for block in run.picture(
            f"plots/evaluate/{model}/reliability.png", f"{model}. {drawn}", wide=True
        )
    ]
    return [*blocks, *best, *([Fold("Reliability of the other models", others)] if others else [])]


def _before_after(evaluated: dict[str, Any], target: str, metric: str) -> str:
    before = evaluated.get("test_before_calibration", {}).get(target, {}).get(metric)
    after = evaluated["test"]["targets"][target].get(metric)
    if not after or after.get("value") is None:
        return figure(after)
    return f"{number(before)} → {figure(after)}"


def thresholds(run: RunFiles) -> list[Block]:
    """From which probability on a model calls a target, by each rule."""
    blocks: list[Block] = []
    for model in sorted(run.models, key=lambda name: name != run.best):  # the best one first
        if not run.has(f"calibration/{model}.json"):
            continue
        fitted = run.json(f"calibration/{model}.json")
        rows = [
            [
                target,
                curve["method"],
                *(number(curve["thresholds"].get(rule)) for rule in RULES),
                number(curve["threshold"]),
            ]
            for target, curve in fitted["curves"]["mean"].items()
        ]
        made = Table(
            f"{run.mark(model)}: correction and thresholds",
            ["target", "correction", *RULES.values(), f"in use ({fitted['rule']})"],
            rows,
        )
        blocks.append(made if model == run.best else Fold(run.mark(model), [made]))
    return blocks


RULES = {
    "f1": "largest F1",
    "youden": "largest Youden's J",
    "sensitivity": "keeps sensitivity",
    "specificity": "keeps specificity",
}


def comparison(run: RunFiles) -> list[Block]:
    """All models on the same patients, and what acting on them would bring."""
    blocks: list[Block] = [
        *run.picture(
            "plots/compare/forest.png",
            "Forest plot: AUROC with 95% interval of every model and target; see the table of "
            "results for the numbers.",
            wide=True,
        )
    ]
    differences = run.table("plots/compare/differences.csv")
    best = run.best
    with_best = differences[
        (differences["metric"] == "auroc")
        & ((differences["first"] == best) | (differences["second"] == best))
    ]
    rows = []
    for row in with_best.to_dict("records"):
        turn = 1 if row["first"] == best else -1
        low, high = sorted((turn * row["low"], turn * row["high"]))
        entry = {"value": turn * row["difference"], "low": low, "high": high}
        other = row["second"] if turn == 1 else row["first"]
        rows.append(
            [run.mark(other), row["target"], figure(_known(entry)),
             p_value(row["p_holm"]), p_value(row.get("p_delong_holm"))]
        )  # fmt: skip
    if rows:
        blocks.append(
            Fold(
                f"{best} against every other model",
                [
                    Table(
                        f"AUROC of {best} minus that of the other, on the same patients",
                        ["other", "target", "difference", "p (Holm)", "p, DeLong (Holm)"],
                        rows,
                        "p-values are corrected for all pairs and targets.",
                    )
                ],
            )
        )
    return blocks + run.picture(
        "plots/compare/decision.png",
        "Decision curves: net benefit over the threshold probability, compared with treating all "
        "and treating none.",
        wide=True,
    )


def _known(entry: dict[str, float]) -> dict[str, float] | None:
    return entry if entry["value"] == entry["value"] else None


def subgroups(run: RunFiles) -> list[Block]:
    """Show the largest subgroup differences, and the best model's metrics by subgroup."""
    rows = [
        [
            run.mark(model),
            target,
            gap["factor"],
            f"{gap['worse']} below {gap['better']}",
            figure({"value": gap["difference"], "low": gap["low"], "high": gap["high"]}),
            p_value(gap["p_holm"]),
        ]
        for model, gaps in run.metrics("subgroups")["largest_gap"].items()
        for target, gap in gaps.items()
        if gap
    ]
    blocks: list[Block] = [
        Table(
            "The largest difference in AUROC between subgroups, by model and target",
            ["model", "target", "by", "groups", "difference", "p (Holm)"],
            rows,
            "Chosen as the largest of many gaps, so it overstates; p is corrected for that.",
        )
    ]
    picture = f"plots/subgroups/{run.best}.png"
    seen = f"{run.best}: AUROC with interval in every group and target."
    blocks += run.picture(picture, seen, wide=True)
    if run.has("plots/subgroups/figures.csv"):
        blocks.append(Fold(f"{run.best}, group by group", [_groups(run)]))
    return blocks


def _groups(run: RunFiles) -> Table:
    figures = run.table("plots/subgroups/figures.csv")
    plain = figures[
        (figures["model"] == run.best)
        & (figures["metric"] == "auroc")
        & ~figures["factor"].str.contains(" x ")
    ]
    rows = []
    for (factor, group), part in plain.groupby(["factor", "group"], sort=False):
        by_target = {row["target"]: row for row in part.to_dict("records")}
        cells = [_with_count(by_target.get(target)) for target in run.targets]
        rows.append([str(factor), str(group), *cells])
    return Table(
        f"AUROC of {run.best} by group (positives of records)",
        ["by", "group", *run.targets],
        rows,
    )


def _with_count(row: dict[Hashable, Any] | None) -> str:
    if row is None:
        return figure(None)
    known = _known({key: row[key] for key in ("value", "low", "high")})
    return f"{figure(known)}; {number(row['positives'])} of {number(row['n'])}"
