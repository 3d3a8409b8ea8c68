"""`pedecg verify`: equal bytes pass, networks pass within tolerance, and a planted change fails."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pedecg.core.errors import PedecgError
from pedecg.runs import verify

NETWORK, TREES = "metrics/evaluate/cnn.json", "metrics/evaluate/trees.json"
FIGURES = {"test": {"auroc": {"value": 0.81}, "ppv": {"value": 0.5}, "patients": 40}}
# Stage -> what it reads and what it makes.
STAGES = {
    "ingest": (["data/raw"], ["data/interim/labels.parquet"]),
    "train@cnn-0": (["data/interim/labels.parquet"], ["models/cnn/seed0"]),
    "train@trees-0": (["data/interim/labels.parquet"], ["models/trees/seed0"]),
    "evaluate@cnn": (["models/cnn"], [NETWORK]),
    "evaluate@trees": (["models/trees"], [TREES]),
}


class SmallRun:
    """A committed run of made-up stages, of which single outputs can be given other bytes."""

    def __init__(self, root: Path, stages: dict[str, tuple[list[str], list[str]]] = STAGES) -> None:
        self.root, self.stages = root, stages
        self.hashes = {out: f"{k:032x}" for k, (_, (out,)) in enumerate(stages.values())}
        models = [{"name": "cnn", "reads": ["signals"]}, {"name": "trees", "reads": ["rules"]}]
        self.write("data/run_models.json", {"models": models})
        self.write(NETWORK, FIGURES)
        self.write(TREES, FIGURES)
        self.lock()
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "run"]):
            who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *who, *command], cwd=root, check=True)

    def write(self, path: str, values: Any) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def lock(self) -> None:
        stages = {
            name: {
                "deps": [{"path": dep, "md5": "d"} for dep in deps],
                "outs": [{"path": out, "md5": self.hashes[out]} for out in outs],
            }
            for name, (deps, outs) in self.stages.items()
        }
        with (self.root / "dvc.lock").open("w", encoding="utf-8") as stream:
            YAML().dump({"schema": "2.0", "stages": stages}, stream)

    def change(self, output: str) -> None:
        self.hashes[output] = "f" * 32
        self.lock()

    def found(self, changed: tuple[str, ...] = ()) -> dict[str, verify.Finding]:
        return {one.output: one for one in verify.verify(changed, folder=self.root)}

    def other_than_the_same(self, changed: tuple[str, ...] = ()) -> dict[str, str]:
        found = self.found(changed)
        return {k: one.status for k, one in found.items() if one.status != "same bytes"}


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return SmallRun(tmp_path)


def figures(**changes: float) -> dict[str, Any]:
    values = json.loads(json.dumps(FIGURES))
    for name, value in changes.items():
        values["test"][name]["value"] = value
    return values


def test_an_unchanged_run_has_the_same_bytes(run):
    assert len(run.found()) == len(STAGES)
    assert run.other_than_the_same() == {}


def test_weights_of_a_network_may_have_other_bytes_those_of_trees_may_not(run):
    run.change("models/cnn/seed0")
    assert run.other_than_the_same() == {"models/cnn/seed0": "not compared"}
    run.change("models/trees/seed0")
    assert run.other_than_the_same()["models/trees/seed0"] == "different"


@pytest.mark.parametrize("model", ["age_sex", "rules_linear"])
def test_a_logistic_fit_may_have_other_last_bits_and_its_figures_may_not_differ(tmp_path, model):
    """L-BFGS adds through BLAS: on another processor the weights differ in the 13th digit."""
    stages = {
        f"train@{model}-0": (["data/interim/labels.parquet"], [f"models/{model}/seed0"]),
        f"evaluate@{model}": ([f"models/{model}"], [f"metrics/evaluate/{model}.json"]),
    }
    run = SmallRun(tmp_path, STAGES | stages)
    run.write(f"metrics/evaluate/{model}.json", FIGURES)
    run.change(f"models/{model}/seed0")
    assert run.other_than_the_same() == {f"models/{model}/seed0": "not compared"}


def test_a_planted_label_is_found(run):
    run.change("data/interim/labels.parquet")
    assert run.other_than_the_same() == {"data/interim/labels.parquet": "different"}


@pytest.mark.parametrize(
    ("output", "auroc", "status"),
    [
        (NETWORK, 0.8105, "within tolerance"),
        (NETWORK, 0.812, "different"),
        (TREES, 0.81 + 1e-12, "within tolerance"),
        (TREES, 0.8101, "different"),
    ],
)
def test_figures_are_compared_by_their_tolerance(run, output, auroc, status):
    run.write(output, figures(auroc=auroc))
    run.change(output)
    assert run.other_than_the_same() == {output: status}
    assert "test.auroc.value" in run.found()[output].detail


def test_a_figure_that_was_changed_by_hand_after_the_run_is_found(run):
    run.write(TREES, figures(auroc=0.812))
    assert run.other_than_the_same() == {}
    assert run.other_than_the_same((TREES,)) == {TREES: "different"}


@pytest.mark.parametrize("drop", [True, False], ids=["a figure less", "a text for a number"])
def test_what_is_no_number_in_both_is_different(run, drop):
    values = figures()
    if drop:
        del values["test"]["patients"]
    else:
        values["test"]["patients"] = "forty"
    run.write(NETWORK, values)
    run.change(NETWORK)
    assert "test.patients" in run.found()[NETWORK].detail
    assert run.other_than_the_same() == {NETWORK: "different"}


def test_a_stage_that_did_not_run_is_stated(run):
    lock = YAML(typ="safe").load((run.root / "dvc.lock").read_text())
    del lock["stages"]["evaluate@trees"]
    with (run.root / "dvc.lock").open("w") as stream:
        YAML().dump(lock, stream)
    assert run.found()[TREES].detail == "not in dvc.lock of this run"
    assert run.other_than_the_same() == {TREES: "different"}


def _no_lock(run: SmallRun) -> None:
    (run.root / "dvc.lock").unlink()


def _no_repository(run: SmallRun) -> None:
    (run.root / ".git").rename(run.root / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "reported"),
    [(_no_lock, "dvc.lock: not found"), (_no_repository, "no git repository")],
)
def test_what_is_missing_is_stated_in_one_line(
    run: SmallRun, damage: Callable[[SmallRun], None], reported: str
) -> None:
    damage(run)
    with pytest.raises(PedecgError, match=reported):
        run.found()


def test_every_tolerance_has_a_reason():
    assert all(row.reason and row.absolute >= 0 for row in verify.tolerances())
