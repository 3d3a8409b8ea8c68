"""Stages as processes of their own, which can be killed, and what they leave behind."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
# Stage -> its arguments, and the files and folders that it writes.
STAGES: dict[str, tuple[list[str], list[str]]] = {
    "ingest": (
        [],
        [*(f"data/interim/{name}.parquet" for name in ("records", "labels", "quality", "notes")),
         "metrics/ingest.json"],
    ),
    "split": ([], ["data/interim/splits.parquet", "metrics/split.json"]),
    "preprocess": ([], ["data/processed/signals", "metrics/preprocess.json"]),
}  # fmt: skip
SMALL = {"simulate.patients": 30, "experiment.models": ["rules"], "experiment.seeds": [0]}
LONGEST_S = 300  # of a stage on a busy machine
PROCESSES = 2


@dataclass(frozen=True)
class Run:
    """A folder of a pipeline in which stages are started by hand."""

    folder: Path

    def prepare(self) -> None:
        """Write the parameters and run every stage."""
        yaml = YAML()
        values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        for dotted, value in SMALL.items():
            section, key = dotted.split(".")
            values[section][key] = value
        with (self.folder / "params.yaml").open("w", encoding="utf-8") as stream:
            yaml.dump(values, stream)
        for stage in ("simulate", *STAGES):
            done = self.run(stage, *(["simulate"] if stage == "simulate" else []))
            assert done.returncode == 0, done.stderr

    def copy(self, folder: Path) -> "Run":
        """Copy the folder; the recordings, which nothing here changes, stay where they are."""
        folder.mkdir()
        shutil.copy(self.folder / "params.yaml", folder)
        (folder / "data").mkdir()
        (folder / "data" / "raw").symlink_to(self.folder / "data" / "raw")
        for name in ("interim", "processed"):
            shutil.copytree(self.folder / "data" / name, folder / "data" / name)
        shutil.copytree(self.folder / "metrics", folder / "metrics")
        return Run(folder)

    def start(self, stage: str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """Start a stage in a session of its own, so that its workers can be found."""
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "0",
            "PEDECG_JOBS": str(PROCESSES), **more,
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, str(ROOT / "stages" / f"{stage}.py"), *arguments], cwd=self.folder,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def run(self, stage: str, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a stage to its end; a hang fails."""
        process = self.start(stage, *arguments, **more)
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def outputs(self, stage: str) -> dict[str, str]:
        """Return a digest of each output of a stage that is there."""
        found = {}
        for name in STAGES[stage][1]:
            path = self.folder / name
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            total = hashlib.sha256()
            for file in files:
                if file.is_file():
                    total.update(file.name.encode() + file.read_bytes())
            if path.exists():
                found[name] = total.hexdigest()
        return found

    def remove_outputs(self, stage: str) -> None:
        """As DVC does before it runs a stage."""
        for name in STAGES[stage][1]:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def left_behind(self) -> list[str]:
        """Return the temporary files and folders."""
        return [str(path) for path in self.folder.rglob("*.partial*")]


def of_session(session: int) -> list[int]:
    """Return the living processes of a session (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def wait_for_the_end(session: int, at_most_s: float) -> list[int]:
    """Wait until a session has no process; return those that remain."""
    until = time.monotonic() + at_most_s
    while (remaining := of_session(session)) and time.monotonic() < until:
        time.sleep(0.2)
    return remaining


def one_line(stderr: str) -> str:
    """Return the line that a stage ended with; anything like a traceback fails."""
    assert "Traceback" not in stderr, stderr[-2000:]
    lines = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, stderr[-2000:]
    return lines[0]


def set_parameter(run: Run, section: str, **values: Any) -> None:
    yaml, file = YAML(), run.folder / "params.yaml"
    found = yaml.load(file.read_text(encoding="utf-8"))
    found[section] |= values
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(found, stream)
