"""Report sections on what a model does not know: prediction sets, distance from training."""

from typing import Any

import pandas as pd

from pedecg.core import age_text
from pedecg.report.content_blocks import Block, Fold, Table, Text, figure, number, percent
from pedecg.report.run_files import RunFiles

_ALL = "all"
_COVERAGE = "plots/prediction_sets/coverage.csv"


def prediction_sets(run: RunFiles) -> list[Block]:
    """Coverage of the best model's sets in every age group, and its loss at external hospitals."""
    found = run.metrics("prediction_sets")
    confidence = percent(found["confidence"])
    best = found["test"][run.best]
    blocks: list[Block] = [
        Text(
            f"A prediction set holds the answers, absent and present, that conform to validation "
            f"records of the same age group: the true one for at least {confidence} of new records "
            f"like them. One answer decides; both, or none, is uncertain. Of "
            f"{found['groups']} groups of all models and targets, "
            f"{found['groups_covered_less_than_chance_explains']} are covered less on the test "
            f"set than chance explains (2.5% expected)."
        ),
        Table(
            f"{run.best}: all ages together",
            ["target", "covered", "uncertain", "wrong where decided"],
            [
                [target, _coverage(one), percent(one["uncertain"]),
                 percent(one["wrong_if_decided"])]
                for target, one in best.items()
            ],
        ),
        Fold(f"{run.best}: by age group", [_by_group(run.table(_COVERAGE), run.best)]),
    ]  # fmt: skip
    blocks += run.picture(
        f"plots/prediction_sets/{run.best}.png",
        f"Coverage of the prediction sets of {run.best} by target and age group.",
        wide=True,
    )
    blocks += run.picture(
        "plots/prediction_sets/risk_coverage.png",
        "Error rate when only the surest records are answered, by target and model.",
        wide=True,
    )
    for cohort, models in (found["external_minus_test"] or {}).items():
        blocks += [_external(cohort, model, targets) for model, targets in models.items()]
    return blocks


def _external(cohort: str, model: str, targets: dict[str, Any]) -> Table:
    rows = [
        [target, number(one["n"]), percent(one["internal"]), percent(one["external"]),
         figure({"value": one["difference"], "low": one["low"], "high": one["high"]})]
        for target, one in targets.items()
    ]  # fmt: skip
    name = cohort.replace("_", " ")
    return Table(
        f"{model}: coverage on the external cohort {name}, which the guarantee does not hold for",
        ["target", "records", "test", "external", "external minus test"],
        rows,
    )


def _coverage(one: dict[str, Any]) -> str:
    shown = figure({"value": one["coverage"], "low": one["low"], "high": one["high"]})
    return f"{shown}; {number(one['covered'])} of {number(one['n'])}"


def _by_group(coverage: pd.DataFrame, best: str) -> Table:
    of_best = coverage[(coverage["model"] == best) & (coverage["group"] != _ALL)]
    records: list[dict[str, Any]] = [dict(row) for _, row in of_best.iterrows()]
    rows = [
        [one["target"], age_text.group_in_words(one["group"]), _coverage(one), _expected(one),
         percent(one["uncertain"]), number(one["validation_records"])]
        for one in records
    ]  # fmt: skip
    return Table(
        "Coverage on the test set",
        ["target", "group", "covered", "chance gives (95%)", "uncertain", "validation records"],
        rows,
    )


def _expected(one: dict[str, Any]) -> str:
    return f"{number(one['expected_low'])} to {number(one['expected_high'])}"


def training_distance(run: RunFiles) -> list[Block]:
    """State what share of records like those of training the distance flags."""
    found = run.metrics("training_distance")
    if found["limit"] is None:
        return [
            Text(
                f"No limit: {number(found['validation_records'])} validation records are too few "
                f"for a false-alarm rate of {percent(found['false_alarm_rate'])}."
            )
        ]
    test = found["test"]
    rate = figure({"value": test["rate"], "low": test["low"], "high": test["high"]})
    return [
        Text(
            f"`pedecg predict` flags a record whose {number(found['measures'])} measures, with its "
            f"age, lie farther from the training records than those of "
            f"{percent(1 - found['false_alarm_rate'])} of {number(found['validation_records'])} "
            f"validation records. It flags {number(test['flagged'])} of "
            f"{number(test['records'])} test records: a false-alarm rate of {rate}."
        )
    ]
