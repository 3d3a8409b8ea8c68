"""The real DAG of each pipeline, made small: it runs to its end and runs no stage twice."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Project, fresh_project

pytestmark = pytest.mark.slow


def test_every_metric_of_the_pipeline_is_there(reproduced: Project) -> None:
    declared = {
        out["path"]
        for stage in reproduced.lock().values()
        for out in stage["outs"]
        if out["path"].startswith("metrics/")
    }
    shown = json.loads(reproduced.dvc("metrics", "show", "--json", *sorted(declared)))[""]["data"]
    assert declared
    assert {Path(name).name for name in declared} <= {Path(name).name for name in shown}
    assert not [name for name, entry in shown.items() if "error" in entry]


def test_nothing_changed_runs_no_stage(reproduced: Project) -> None:
    assert reproduced.repro() == set()


def test_plots_are_drawn(reproduced: Project) -> None:
    page = reproduced.dvc("plots", "show", "-o", "dvc_plots")
    assert "dvc_plots" in page
    html = (reproduced.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert "vega" in html


def test_the_report_is_one_small_file(reproduced: Project) -> None:
    if "report" not in reproduced.lock():
        pytest.skip("this pipeline writes no report")
    page = (reproduced.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert 50_000 < len(page) < 10_000_000
    assert "simulated" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_stages_side_by_side_leave_the_same_lock(
    smoke: Callable[[str], Project], tmp_path: Path
) -> None:
    serial = smoke("pipelines/cardiotoxicity")
    project = fresh_project(tmp_path / "project", serial.pipeline)
    project.run("pedecg", "run", "--jobs", "2")
    locks = [(each.folder / "dvc.lock").read_text(encoding="utf-8") for each in (project, serial)]
    assert locks[0] == locks[1]
    assert project.repro() == set()


def test_an_experiment_runs_without_a_git_identity(project: Project, tmp_path: Path) -> None:
    """A fresh clone on a new machine has no user.name; an experiment must still work."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["add", "-A"], ["commit", "-qm", "base"]):
        project.run(*git, *step)
    environment = {
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    out = project.dvc("exp", "run", "-S", "split.seed=8", "split", environment=environment)
    assert "Running stage 'split'" in out
