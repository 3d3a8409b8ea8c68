"""Experiments of a small pipeline, and the command that lists them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import SmallProject
from typer.testing import CliRunner, Result

from pedecg import cli


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProject:
    """Four experiments: three learning rates, the last with another width too."""
    project = SmallProject(tmp_path / "project")
    project.experiment("slow-cat", {"train.learning_rate": 1e-4}, {"cnn": 0.72, "gru": 0.5})
    project.experiment("calm-dog", {"train.learning_rate": 1e-3}, {"cnn": 0.81, "gru": 0.65})
    project.experiment("fast-dog", {"train.learning_rate": 1e-2}, {"cnn": 0.55, "gru": 0.79})
    project.experiment(
        "wide-owl", {"train.learning_rate": 1e-3, "models.cnn.width": 48, "experiment.seeds": [3]},
        {"cnn": 0.83, "gru": 0.66},
    )  # fmt: skip
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def pedecg_runs() -> Callable[..., Result]:
    """Call `pedecg runs` with arguments."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, ["runs", *arguments])

    return call
