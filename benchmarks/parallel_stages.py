"""`pedecg run --jobs` against one stage after another, side by side in one run.

`python benchmarks/parallel_stages.py [pipelines/cardiotoxicity]` runs a pipeline with its smoke
preset in two scratch copies, with one stage at a time and with `--jobs 2`, checks that both leave
the same ``dvc.lock``, and prints the seconds of each. From the seconds of every stage in the first
run it then simulates more stages at a time: a stage begins when those that it needs have ended and
a place is free, in the order of `dvc repro`, and takes as long as it did alone. The simulation
leaves out that stages wait for DVC's lock, and that a stage alone may use all cores.
"""

import argparse
import heapq
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "pipeline"))

from scratch import Project, fresh_project  # noqa: E402

_DONE = re.compile(r"^Stage '(.+)' done in ([\d.]+) s;", re.MULTILINE)
_GRAPH = """
import json
from dvc.repo import Repo
from pedecg.runs import parallel_run
with Repo() as repository:
    plan, _ = parallel_run.read_plan(repository, [])
print(json.dumps({name: sorted(needs) for name, needs in plan.needs.items()}))
"""


def simulated_s(seconds: Mapping[str, float], needs: Mapping[str, list[str]], jobs: int) -> float:
    """Return how long the stages take with so many at a time, s."""
    waiting, ended, now = list(needs), set[str](), 0.0
    running: list[tuple[float, str]] = []
    while waiting or running:
        for name in [name for name in waiting if ended.issuperset(needs[name])]:
            if len(running) < jobs:
                waiting.remove(name)
                heapq.heappush(running, (now + seconds[name], name))
        now, name = heapq.heappop(running)
        ended.add(name)
    return now


def run(project: Project, jobs: int) -> tuple[float, dict[str, float]]:
    """Run a pipeline; the seconds in all, with DVC's start, and those of each stage."""
    environment = {**os.environ, "PYTHONPATH": str(project.root / "src"), "PYTHONHASHSEED": "0"}
    before = time.monotonic()
    done = subprocess.run(
        ["pedecg", "run", "--jobs", str(jobs)], cwd=project.folder, env=environment, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    stages = {name: float(seconds) for name, seconds in _DONE.findall(done.stderr)}
    return time.monotonic() - before, stages


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("pipeline", nargs="?", default="pipelines/cardiotoxicity")
    pipeline = arguments.parse_args().pipeline
    print(f"{pipeline}, preset smoke; {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        one, two = (fresh_project(Path(folder) / name, pipeline) for name in ("one", "two"))
        alone, seconds = run(one, 1)
        needs = json.loads(one.run(sys.executable, "-c", _GRAPH))
        within = sum(seconds.values())
        print(f"{len(seconds)} stages one at a time: {alone:.1f} s ({within:.1f} s in the stages)",
              flush=True)  # fmt: skip
        for jobs in (2, 4, 16):
            length = simulated_s(seconds, needs, jobs)
            ratio = within / length
            print(f"simulated, {jobs:2d} at a time: {length:7.1f} s, {ratio:.2f} times as fast",
                  flush=True)  # fmt: skip
        together, _ = run(two, 2)
        locks = [(project.folder / "dvc.lock").read_bytes() for project in (one, two)]
    if locks[0] != locks[1]:
        sys.exit("dvc.lock differs")
    print(f"measured,   2 at a time: {together:7.1f} s, {alone / together:.2f} times as fast")
    print("dvc.lock is the same")


if __name__ == "__main__":
    main()
