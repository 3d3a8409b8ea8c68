"""Goals: met only where the test figure exceeds them, never invented where there is none."""

from pathlib import Path
from typing import Any

import pytest

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.evaluation import compare, goals
from pedecg.evaluation.evaluate import Scored, Scoring
from pedecg.evaluation.goals import Goal, GoalSettings, Published

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scored(cohort: Any, scoring: Scoring) -> dict[str, dict[str, Scored]]:
    models = {"weak": 0.3, "strong": 4.0}
    return {n: cohort.evaluate(cohort.predictions(s), scoring).scored for n, s in models.items()}


def wanted(**above: float) -> GoalSettings:
    targets = {t: Goal(metric="auroc", above=v, source="us") for t, v in above.items()}
    return GoalSettings(targets=targets, published=[])


def on_test(scored: dict[str, dict[str, Scored]]) -> dict[str, Scored]:
    return {name: one["test"] for name, one in scored.items()}


@pytest.mark.parametrize(("model", "met"), [("strong", True), ("weak", False)])
def test_a_goal_is_met_where_the_value_exceeds_it(scored: Any, model: str, met: bool) -> None:
    one = goals.judge(model, on_test(scored), wanted(abnormal=0.85), "simulated")["abnormal"]
    assert one["met"] is met
    assert (one["value"] > 0.85) is met
    assert one["low"] < one["value"] < one["high"]
    assert one["model"] == model
    test = scored[model]["test"].cases
    assert one["positives"] == int((test.y[:, 0] == 1).sum())


def test_the_interval_tells_how_certain_it_is(scored: Any) -> None:
    tests = on_test(scored)
    value = goals.judge("weak", tests, wanted(abnormal=0.5), "zzu")["abnormal"]["value"]
    positions = {
        above: goals.judge("weak", tests, wanted(abnormal=above), "zzu")["abnormal"]["interval"]
        for above in (0.05, round(value, 4), 0.99)
    }
    assert list(positions.values()) == ["above the goal", "includes the goal", "below the goal"]


@pytest.mark.parametrize(
    ("target", "why"),
    [("kawasaki", "too few"), ("glaucoma", "not a target of this run")],
)
def test_without_a_figure_it_is_said_why(scored: Any, target: str, why: str) -> None:
    one = goals.judge("strong", on_test(scored), wanted(**{target: 0.5}), "zzu")[target]
    assert one["met"] is None
    assert why in one["why"]
    assert "value" not in one


def test_without_a_model_no_goal_is_met(scored: Any) -> None:
    one = goals.judge(None, on_test(scored), wanted(abnormal=0.5), "zzu")["abnormal"]
    assert one["met"] is None


def test_the_model_is_chosen_on_validation_patients(scored: Any) -> None:
    validation = {name: one["validation"] for name, one in scored.items()}
    assert compare.best(validation) == "strong"


def test_a_published_figure_is_comparable_on_its_own_cohort_only() -> None:
    paper = Published(
        target="abnormal", metric="auroc", value=0.9, on="them", source="they", cohort="zzu",
        differs="labels",
    )  # fmt: skip
    settings = GoalSettings(targets={}, published=[paper])
    assert [goals.published(settings, c)[0]["comparable"] for c in ("zzu", "simulated")] == [
        True,
        False,
    ]


def test_the_shipped_goals_are_those_of_the_specification() -> None:
    settings = params.load("goals", GoalSettings, ROOT / "params.yaml")
    assert {t: g.above for t, g in settings.targets.items()} == {
        "abnormal": 0.93,
        "chd": 0.88,
        "myocarditis": 0.85,
    }
    assert all(one.differs for one in settings.published)


def test_a_goal_without_a_source_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    text = "goals: {targets: {chd: {metric: auroc, above: 0.9, source: ''}}, published: []}"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PedecgError, match=r"goals\.targets\.chd\.source"):
        params.load("goals", GoalSettings, file)
