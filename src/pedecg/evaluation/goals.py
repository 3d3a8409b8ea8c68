"""Goals of a run: which figure each target should reach, and whether the test set shows it.

The figures are those of one model, the best on validation patients, as in `compare.summary`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from pedecg.core import params
from pedecg.evaluation.evaluate import Scored

Goals = dict[str, dict[str, Any]]
# Metrics of which a larger value is better, so that a goal is a value to exceed.
Exceeded = Literal["auroc", "auprc", "sens_at_spec95", "spec_at_sens95", "f1"]


class Goal(params.Section):
    """The value that one metric of one target should exceed on the test set."""

    metric: Exceeded = Field(description="metric on the test set")
    above: float = Field(description="value to exceed", gt=0, lt=1)
    source: str = Field(description="who set this goal, or where it is published", min_length=1)


class Published(params.Section):
    """A published figure, for orientation."""

    target: str = Field(description="target of the run that comes nearest to the published one")
    metric: str = Field(description="published metric")
    value: float = Field(description="published value")
    on: str = Field(description="patients and records that it was measured on")
    source: str = Field(description="authors, journal, year, identifier", min_length=1)
    cohort: str | None = Field(
        description="cohort.name whose runs have the same records, labels and split; null: none"
    )
    differs: str = Field(description="what differs from a run of pedecg: why it is not comparable")


class GoalSettings(params.Section):
    """Goals by target, and published figures alongside them."""

    targets: dict[str, Goal] = Field(
        description="goal of each target: metric, value to exceed, source; {}: none"
    )
    published: list[Published] = Field(
        description="published figures shown alongside, with what makes them not comparable; "
        "comparable only where cohort.name is `cohort`"
    )


def judge(
    model: str | None, test: Mapping[str, Scored], settings: GoalSettings, cohort: str
) -> Goals:
    """Return each goal with the figure that one model reaches on the test set.

    Parameters
    ----------
    model : of `test`; None: no model could be chosen.
    cohort : name of the cohort, which the reader must know.

    Returns
    -------
    target -> metric, goal, cohort and, where there is a figure, model, value, low, high, records,
    positives, met (the value exceeds the goal) and interval: where the 95% interval lies. Where
    there is none: met null and why.
    """
    return {
        target: {"metric": goal.metric, "goal": goal.above, "cohort": cohort}
        | _reached(model, test, target, goal)
        for target, goal in settings.targets.items()
    }


def _reached(
    model: str | None, scored: Mapping[str, Scored], target: str, goal: Goal
) -> dict[str, Any]:
    if model is None:
        return {"met": None, "why": "no model has a figure on validation records"}
    test = scored[model]
    if target not in test.cases.targets:
        return {"met": None, "why": "not a target of this run"}
    row = test.cases.targets.index(target)
    y = test.cases.y[:, row]
    about = {
        "model": model,
        "records": int((~np.isnan(y)).sum()),
        "positives": int((y == 1).sum()),
    }
    figure = test.figure(row, goal.metric)
    if not np.isfinite(figure["value"]):
        return about | {"met": None, "why": "too few positives or negatives on the test set"}
    return about | figure | {
        "met": bool(figure["value"] > goal.above), "interval": _position(figure, goal.above)
    }  # fmt: skip


def _position(figure: Mapping[str, float], goal: float) -> str:
    if not np.isfinite(figure["low"]):
        return "none"
    if figure["low"] > goal:
        return "above the goal"
    return "below the goal" if figure["high"] < goal else "includes the goal"


def published(settings: GoalSettings, cohort: str) -> list[dict[str, Any]]:
    """Return the published figures, each with whether a run on this cohort is comparable."""
    return [
        one.model_dump(exclude={"cohort"}) | {"comparable": one.cohort == cohort}
        for one in settings.published
    ]
