"""Experiments that DVC itself ran: a grid, folds, curves, and what becomes of a lost cache."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_stage
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.slow

PARAMS = """\
train:
  learning_rate: 1e-3
  task: multilabel
split:
  folds: 0
  fold: 0
experiment:
  models: [cnn]
  seeds: [0]
evaluate:
  bootstrap: 50
  seed: 0
  min_positives: 2
"""
DVC = """\
stages:
  all:
    cmd: python tiny_stage.py
    deps: [tiny_stage.py]
    params: [train, split]
    outs:
      - data/interim
      - predictions
      - calibration
      - models/cnn/seed0
      - metrics/evaluate/cnn.json: {cache: false}
metrics:
  - metrics/evaluate/cnn.json
"""


class Tiny:
    """A clone-like project with its own DVC cache and a pipeline in a folder below its root."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "pipelines" / "tiny"
        self.folder.mkdir(parents=True)
        shutil.copy2(tiny_stage.__file__, self.folder / "tiny_stage.py")
        (self.folder / "params.yaml").write_text(PARAMS)
        (self.folder / "dvc.yaml").write_text(DVC)
        ignored = ["/data/", "/predictions/", "/calibration/", "/models/", "__pycache__/", "*.png"]
        (self.folder / ".gitignore").write_text("\n".join(ignored))
        self.run("git", "init", "-q", "-b", "main", at=root)
        self.run("dvc", "init", "-q", at=root)
        self.run("dvc", "repro", "-q")
        self.run("git", "add", "-A", at=root)
        self.run("git", "commit", "-qm", "base")

    def run(self, *command: str, at: Path | None = None) -> str:
        who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
               for part in ("NAME", "EMAIL")}  # fmt: skip
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=at or self.folder, env={**os.environ, **who, "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        self.stated = done.stderr
        return done.stdout

    def table(self, *arguments: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.run("pedecg", "runs", *arguments, "--csv"))))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A grid of two learning rates and two folds, queued and run by DVC."""
    project = Tiny(tmp_path_factory.mktemp("tiny") / "project")
    queue = ["dvc", "exp", "run", "-q", "--queue"]
    project.run(*queue, "-S", "train.learning_rate=2e-3,3e-4")
    project.run(*queue, "-S", "split.folds=2", "-S", "split.fold=range(0,2)")
    assert "4 experiments in the queue" in (project.run("pedecg", "runs"), project.stated)[1]
    project.run("dvc", "exp", "run", "-q", "--run-all")
    return project


def _only(files: dict[str, Any]) -> Any:
    (found,) = files.values()
    return found


def test_the_list_is_that_of_dvc(tiny):
    shown = json.loads(tiny.run("dvc", "exp", "show", "--json"))
    of_dvc = {}
    for experiment in shown[1]["experiments"]:
        data = experiment["revs"][0]["data"]
        settings = _only(data["params"])["data"]
        figure = _only(data["metrics"])["data"]["test"]["macro"]["auroc"]
        of_dvc[experiment["name"]] = (
            settings["train"]["learning_rate"], settings["split"]["fold"], figure["value"],
        )  # fmt: skip
    rows = tiny.table("-c", "learning_rate,fold,auroc", "-w", "experiment != main")
    ours = {
        row["experiment"]: (float(row["learning_rate"]), int(row["fold"]), float(row["auroc"]))
        for row in rows
    }
    assert len(ours) == 4
    assert ours == of_dvc


def test_a_grid_is_filtered_sorted_and_compared(tiny):
    rows = tiny.table("-w", "learning_rate between 1e-5 and 2e-3 and folds = 0", "-s", "auroc")
    assert [float(row["train.learning_rate"]) for row in rows] == [2e-3, 1e-3, 3e-4]
    names = [rows[0]["experiment"], rows[2]["experiment"]]
    differs = [row[""] for row in tiny.table(*names, "--compare")]
    assert differs == ["created", "train.learning_rate", "auroc"]


def test_curves_of_chosen_experiments_are_drawn_on_one_plot(tiny):
    rows = tiny.table("-w", "folds = 0", "--plot", "curves.png")
    assert (tiny.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [(row["epochs"], row["best_epoch"]) for row in rows] == [("5", "4")] * 3
    assert {float(row["best val_auroc"]) for row in rows} == {0.7}
    first = (tiny.folder / "curves.png").read_bytes()
    tiny.table("-w", "folds = 0", "--plot", "curves.png")
    assert (tiny.folder / "curves.png").read_bytes() == first


def test_folds_pool_to_what_all_records_give_at_once(tiny):
    summed = tiny.table("-w", "folds = 2", "--over", "split.fold")
    assert [(row["model"], row["n"], row["split.fold"]) for row in summed] == [("cnn", "2", "0 1")]
    pooled = tiny.table("-w", "folds = 2", "--over", "split.fold", "--pool")
    _, labels, stated = tiny_stage.truth()
    both = labels.merge(stated)
    expected = roc_auc_score(both["chd"].astype(int), both["probability"])
    found = next(row for row in pooled if row["target"] == "chd" and row["metric"] == "auroc")
    assert (int(found["records"]), int(found["patients"])) == (90, 45)
    assert float(found["value"]) == pytest.approx(expected)
    assert float(found["low"]) < expected < float(found["high"])


def test_each_patient_is_tested_in_one_fold(tiny):
    from dvc.api import DVCFileSystem

    tested = []
    for row in tiny.table("-w", "folds = 2", "-c", "commit"):
        files = DVCFileSystem(str(tiny.root), rev=row["commit"])
        path = "pipelines/tiny/data/interim/splits.parquet"
        splits = pd.read_parquet(io.BytesIO(files.read_bytes(path)))
        tested += sorted(set(splits.loc[splits["split"] == "test", "patient_id"]))
    assert sorted(tested) == sorted(tiny_stage.truth()[0]["patient_id"].unique())


def test_what_the_cache_lost_is_reported_in_one_line(tiny):
    shutil.move(tiny.root / ".dvc" / "cache", tiny.root / "elsewhere")
    try:
        tiny.table("-w", "learning_rate = 1e-3 and folds = 0 or learning_rate = 2e-3", "--curves")
        assert "its learning curves are not in DVC's cache" in tiny.stated
        assert len(tiny.stated.splitlines()) <= 2
    finally:
        shutil.move(tiny.root / "elsewhere", tiny.root / ".dvc" / "cache")
