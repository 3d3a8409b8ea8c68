"""`dvc repro` of a whole small pipeline, killed at random moments, ends with the same bytes.

And two workers of `dvc queue` at once give what one run after the other gives.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import scratch
import stage_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
BEFORE_TRAINING, TARGET = "model_inputs@resnet1d", "evaluate@resnet1d"
SMALL = {
    "simulate.patients": 30,
    "experiment.models": ["resnet1d"],
    "models.resnet1d.width": 8,
    "train.epochs": 12,
    "train.patience": 12,
}
ENDS_WITHIN_S = 30.0
SEEDS = (8, 9)  # of the split, in the queue
QUEUE_ENDS_WITHIN_S = 900.0


def small_project(folder: Path) -> scratch.Project:
    project = scratch.fresh_project(folder)
    project.edit_params(SMALL)
    return project


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[scratch.Project, float]:
    """The pipeline, run without a fault, and the seconds that it took."""
    project = small_project(tmp_path_factory.mktemp("whole") / "project")
    began = time.monotonic()
    project.repro(TARGET)
    return project, time.monotonic() - began


def environment(project: scratch.Project) -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": str(project.root / "src"), "PYTHONHASHSEED": "0",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip


def start(project: scratch.Project, target: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["dvc", "repro", target], cwd=project.folder, env=environment(project), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


# What ends a run: a power failure, the system's memory killer, a batch system, Ctrl-C.
KILLS: dict[str, Callable[[int], None]] = {
    "SIGKILL of all": lambda pid: os.killpg(pid, signal.SIGKILL),
    "SIGKILL of DVC": lambda pid: os.kill(pid, signal.SIGKILL),
    "SIGTERM of DVC": lambda pid: os.kill(pid, signal.SIGTERM),
    "Ctrl-C": lambda pid: os.killpg(pid, signal.SIGINT),
}


def in_training(project: scratch.Project) -> bool:
    """Return whether a training has saved its state and not yet ended."""
    try:
        return any(project.folder.glob("state/**/*.safetensors"))
    except FileNotFoundError:
        return False  # a training that ends removes its folder at this moment


def run_and_kill(
    project: scratch.Project, target: str, kill: str, after_s: float, in_a_training: bool = False
) -> str:
    """Start the pipeline and end it after some time; return what became of it.

    Parameters
    ----------
    in_a_training : end it as soon as a training has saved its state.
    """
    process = start(project, target)
    until = time.monotonic() + after_s
    while time.monotonic() < until and process.poll() is None:
        if in_a_training and in_training(project):
            break
        time.sleep(0.02)
    ended = process.poll() is not None
    if not ended:
        KILLS[kill](process.pid)
    said, _ = process.communicate(timeout=stage_process.LONGEST_S)
    assert not stage_process.wait_for_the_end(process.pid, ENDS_WITHIN_S), "processes are left"
    assert "Traceback" not in said or kill == "Ctrl-C", said[-3000:]
    return "it had ended" if ended else kill


def check_the_end(project: scratch.Project, expected: scratch.Project) -> None:
    """Run the pipeline to its end: the same bytes, nothing left behind."""
    project.repro(TARGET)
    assert (project.folder / "dvc.lock").read_text() == (expected.folder / "dvc.lock").read_text()
    assert project.repro(TARGET) == set()
    assert not [file for file in project.root.rglob("*.partial*") if ".dvc" not in file.parts]
    assert not in_training(project), "a finished training leaves no state"


@pytest.mark.repeats(2, 15)
def test_a_killed_repro(whole, tmp_path, counts, draw, repeats):
    expected, lasts_s = whole
    project = small_project(tmp_path / "project")

    def kill(target: str, number: int) -> None:
        after_s = draw.uniform(0.05, 0.4) * lasts_s
        counts[run_and_kill(project, target, list(KILLS)[number % len(KILLS)], after_s)] += 1

    for number in range(repeats):
        kill(BEFORE_TRAINING, number)
    project.repro(BEFORE_TRAINING)
    found = run_and_kill(project, TARGET, "SIGKILL of all", 10 * lasts_s, in_a_training=True)
    assert found == "SIGKILL of all", "no training saved its state"
    assert in_training(project)
    counts["SIGKILL in a training"] += 1
    for number in range(repeats, 2 * repeats):
        kill(TARGET, number)
    check_the_end(project, expected)
    counts["then the same bytes"] += 1


def test_two_workers_of_the_queue(whole, tmp_path, counts):
    base, _ = whole
    project = base.copy(tmp_path / "project")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["add", "-A"], ["commit", "-qm", "base"]):
        project.run(*git, *step)
    grid = ",".join(map(str, SEEDS))
    project.dvc("exp", "run", "--queue", "-S", f"split.seed={grid}", "split")
    # Its workers keep the output open.
    subprocess.run(
        ["dvc", "queue", "start", "-j", "2"], cwd=project.folder, env=environment(project),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + QUEUE_ENDS_WITHIN_S
        while time.monotonic() < until:
            status = project.dvc("queue", "status")
            assert "Failed" not in status, status
            if status.count("Success") == len(SEEDS):
                break
            time.sleep(2)
        else:
            raise AssertionError(f"the queue does not end: {status}")
    finally:
        project.dvc("queue", "stop", "--kill")
    experiments = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    queued = {}
    for ref in (ref for ref in experiments if ref.count("/") == 4):
        parameters = project.run("git", "show", f"{ref}:params.yaml")
        (seed,) = [seed for seed in SEEDS if f"  seed: {seed} " in parameters]
        queued[seed] = project.run("git", "show", f"{ref}:metrics/split.json")
    for seed in SEEDS:
        project.set("split.seed", seed)
        project.repro("split")
        assert (project.folder / "metrics" / "split.json").read_text() == queued[seed]
        counts["the metrics of a run by itself"] += 1
    shutil.rmtree(project.root)
