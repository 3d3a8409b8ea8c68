"""This changed, so exactly these stages run: no more, no less."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch

import pytest
from scratch import Project

pytestmark = pytest.mark.slow

ENSEMBLE = ["ensemble@*", "evaluate@ensemble"]
NETWORKS = ["train@*", "calibrate_member@resnet1d*", "evaluate@resnet1d*", *ENSEMBLE, "compare",
            "external_validation"]  # fmt: skip
REVIEW = ["noise_review", "noise_truth"]
RULES = ["train_rules@*", "calibrate_member@rules*", "evaluate@rules*", *ENSEMBLE]
NAIVE = [*RULES, "evaluate@age_sex"]


@dataclass(frozen=True)
class Row:
    """A change and the stages (patterns) that may run because of it."""

    name: str
    change: Callable[[Project], None]
    runs: list[str]


def edit_a_limit(project: Project) -> None:
    """Call a girl's heart fast from a lower rate on, at an age that the smoke preset has."""
    file = project.folder / "src/pedecg/limits.csv"
    limit = "heart_rate,female,2922,4383,58,80,110,"
    text = file.read_text(encoding="utf-8")
    assert limit in text
    file.write_text(text.replace(limit, limit.replace(",110,", ",95,")), encoding="utf-8")


TABLE = [
    Row("nothing", lambda p: None, []),
    Row("a comment in params.yaml", lambda p: p.append("params.yaml", "# a thought\n"), []),
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "statistics", "pretrain", *NETWORKS, *NAIVE, *REVIEW],
    ),
    Row(
        "filter cut-off",
        lambda p: p.set("preprocess.high_hz", 90),
        [
            "preprocess",
            "preprocess_external",
            "statistics",
            "delineate",
            "rule_features",
            "pretrain",
            *NETWORKS,
            *RULES,
            *REVIEW,
        ],
    ),
    Row("one norm limit", edit_a_limit, ["rule_features", *RULES, "compare"]),
    Row(
        "one model's width",
        lambda p: p.set("models.resnet1d.width", 24),
        [
            "train@resnet1d-*",
            "calibrate_member@resnet1d",
            "evaluate@resnet1d",
            *ENSEMBLE,
            "compare",
        ],
    ),
    Row(
        "learning rate",
        lambda p: p.set("train.learning_rate", 2e-3),
        [*NETWORKS, *REVIEW],
    ),
    Row(
        "number of bootstrap resamples",
        lambda p: p.set("evaluate.bootstrap", 50),
        ["evaluate@*", "compare"],
    ),
    Row(
        "one module in models/",
        lambda p: p.append("src/pedecg/models/resnet1d.py", "# a thought\n"),
        ["train@resnet1d-*"],
    ),
    Row(
        "one module in simulation/",
        lambda p: p.append("src/pedecg/simulation/waves.py", "# a thought\n"),
        ["simulate", "simulate_external"],
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_exactly_these_stages_run(project: Project, row: Row) -> None:
    stages = project.lock().keys()
    expected = {name for name in stages if any(fnmatch(name, pattern) for pattern in row.runs)}
    row.change(project)
    assert project.repro() == expected
