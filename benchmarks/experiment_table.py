"""`pedecg runs` against `dvc.api.exp_show()`: how long does it take to read the experiments?

`python benchmarks/experiment_table.py` copies what git holds of this repository into a scratch
repository, adds experiments as DVC writes them (a commit under `refs/exps` with its own
`params.yaml`, `dvc.lock` and `metrics/`), and reads all of them in both ways, each in a process of
its own: once with DVC's cache of experiments empty, and twice more. It stops if a parameter or a
metric of an experiment differs between the two.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pedecg.runs import experiment_history

ROOT = Path(__file__).resolve().parents[1]
PARAMS, LOCK, SUMMARY = "params.yaml", "dvc.lock", "metrics/summary.json"
PARAMETER, METRIC = "train.learning_rate", "auroc.rules"
OURS, THEIRS = "pedecg runs", "dvc.api.exp_show"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=20)
    parser.add_argument("--read", choices=[OURS, THEIRS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(timed(arguments.read)))
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        copy_repository(root)
        add_experiments(root, arguments.experiments)
        print(f"{arguments.experiments} experiments\n")
        print("| | first: s | CPU s | again: s | CPU s |\n|---|---|---|---|---|")
        values = {}
        for way in (THEIRS, OURS):
            rounds = [in_own_process(way, root) for _ in range(3)]
            again = min(rounds[1:], key=lambda found: found["cpu_s"])
            values[way] = again["values"]
            cells = [f"{found[key]:.1f}" for found in (rounds[0], again) for key in ("s", "cpu_s")]
            print(f"| {way} | {' | '.join(cells)} |", flush=True)
        if values[OURS] != values[THEIRS] or len(values[OURS]) != arguments.experiments:
            sys.exit(f"the two differ:\n{values[OURS]}\n{values[THEIRS]}")


def copy_repository(root: Path) -> None:
    """Write the files of HEAD into a repository of its own, with one commit."""
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x"], cwd=root, input=archive, check=True)
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        git(root, *step)


def add_experiments(root: Path, n: int) -> None:
    """Add experiments: other learning rates in params.yaml and dvc.lock, another AUROC."""
    base = git(root, "rev-parse", "HEAD")
    texts = {path: (root / path).read_text("utf-8") for path in (PARAMS, LOCK, SUMMARY)}
    for number in range(1, n + 1):
        figures = json.loads(texts[SUMMARY])
        figures["auroc"]["rules"] = number / 1000
        summary = json.dumps(figures, indent=1) + "\n"
        changed = {
            PARAMS: with_rate(texts[PARAMS], number),
            LOCK: with_rate(texts[LOCK], number).replace(md5(texts[SUMMARY]), md5(summary)),
            SUMMARY: summary,
        }
        for path, text in changed.items():
            (root / path).write_text(text, "utf-8")
        git(root, "add", *changed)
        tree = git(root, "write-tree")
        commit = git(root, "commit-tree", tree, "-p", base, "-m", f"experiment {number}")
        git(root, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/rate-{number}", commit)
    git(root, "reset", "-q", "--hard", base)


def with_rate(text: str, number: int) -> str:
    """Return params.yaml or dvc.lock with other learning rates of networks and pre-training."""
    changed, n = re.subn(
        r"learning_rate: (3\.0e-3|0\.003)\b", f"learning_rate: {number / 10_000:.6f}", text
    )
    assert n > 1, "no learning rate of 0.003 any more: adapt this script"
    return changed


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def in_own_process(way: str, root: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--read", way],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(way: str) -> dict[str, Any]:
    """Read the experiments of the folder; imports do not count, programs that are called do."""
    import dvc.api  # noqa: F401 - imported before the clock starts

    start = time.perf_counter()
    before = cpu_s()
    values = dict(ours() if way == OURS else theirs())
    return {"s": time.perf_counter() - start, "cpu_s": cpu_s() - before, "values": values}


def cpu_s() -> float:
    """Return the processor time of this process and of those that it has waited for, s."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def ours() -> Iterator[tuple[str, Any]]:
    for run in experiment_history.read().runs:
        if run.is_experiment:
            yield run.name, [run.params[PARAMETER], run.metrics[f"summary.{METRIC}"]]


def theirs() -> Iterator[tuple[str, Any]]:
    import dvc.api

    for row in dvc.api.exp_show():
        if name := row["Experiment"]:
            # The same name in another file makes DVC put the file's name before it.
            yield (
                name,
                [
                    next(row[key] for key in (wanted, f"{file}:{wanted}") if key in row)
                    for file, wanted in ((PARAMS, PARAMETER), (SUMMARY, METRIC))
                ],
            )


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
