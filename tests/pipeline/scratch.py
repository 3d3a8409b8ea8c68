"""A scratch copy of the whole project that runs the real DAG of one pipeline, made small.

A pipeline is a folder with a ``dvc.yaml``: the root, named ".", and each of ``pipelines/``. Its
``presets/smoke.yaml`` says what makes it small.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PAEDIATRIC = "."  # the root pipeline
# Changes of the root's parameters for a cohort of some dozen records: one small model of each kind.
FEW_MODELS: dict[str, Any] = {
    "experiment.models": ["age_sex", "rules_linear", "resnet1d"],
    "experiment.seeds": [0],
    "ensemble.members": ["rules_linear", "resnet1d"],
    "noise_review.model": "resnet1d",
    "explain.model": "resnet1d",
    "models.resnet1d.width": 4,
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.batch_size": 16,
    "train.augment.rate_targets": [],
}


def pipelines() -> list[str]:
    """Return the folders of all pipelines, relative to the root of the project."""
    siblings = sorted(file.parent for file in ROOT.glob("pipelines/*/dvc.yaml"))
    return [PAEDIATRIC, *(folder.relative_to(ROOT).as_posix() for folder in siblings)]


def settings_of(preset: Path) -> dict[str, Any]:
    """Return the changes that a preset makes, dotted key to value."""
    return dict(YAML(typ="safe", pure=True).load(preset.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Project:
    """One checkout of the project with its own DVC cache, and the pipeline in it that is run."""

    root: Path
    pipeline: str = PAEDIATRIC
    commands: Path | None = None  # a folder of commands that goes first on PATH

    @property
    def folder(self) -> Path:
        """The pipeline's folder: its params.yaml, dvc.lock and all that it makes."""
        return self.root / self.pipeline

    def dvc(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run a DVC command here; its output, or a failure that shows it."""
        return self.run("dvc", *arguments, environment=environment)

    def run(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Run a command here with this copy's code; its output, or a failure that shows it."""
        first = [str(self.commands)] if self.commands else []
        path = [*first, str(Path(sys.executable).parent), os.environ["PATH"]]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self.root / "src"),
                "PATH": os.pathsep.join(path),
                "PYTHONHASHSEED": "0",
                **(environment or {}),
            },
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def repro(self, *arguments: str) -> set[str]:
        """Run `dvc repro` and return the names of the stages that really ran."""
        lines = self.dvc("repro", *arguments).splitlines()
        return {line.split("'")[1] for line in lines if line.startswith("Running stage")}

    def set(self, key: str, value: Any) -> None:
        """Set one parameter, keeping the comments of the file."""
        self.edit_params({key: value})

    def edit_params(self, changes: dict[str, Any]) -> None:
        yaml, file = YAML(), self.folder / "params.yaml"
        values = yaml.load(file.read_text(encoding="utf-8"))
        for key, value in changes.items():
            *above, last = key.split(".")
            section = values
            for part in above:
                section = section[part]
            assert last in section, f"{key} is no parameter"
            section[last] = value
        with file.open("w", encoding="utf-8") as stream:
            yaml.dump(values, stream)

    def parameters(self) -> dict[str, Any]:
        """Return the values of params.yaml."""
        return settings_of(self.folder / "params.yaml")

    def append(self, file: str, text: str) -> None:
        """Add text to a file, named from the root of the project."""
        with (self.root / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    def lock(self) -> dict[str, Any]:
        """Return the stages of dvc.lock: command, deps, params and outs of each."""
        text = (self.folder / "dvc.lock").read_text(encoding="utf-8")
        return dict(YAML(typ="safe").load(text)["stages"])

    def models(self) -> list[str]:
        """Return the names of the models that this run trains, without the ensemble of them."""
        return list(self.parameters()["experiment"]["models"])

    def copy(self, root: Path, commands: Path | None = None) -> "Project":
        """Copy all but the locks of a DVC that may be at work."""
        locks = self.root / ".dvc"
        shutil.copytree(
            self.root,
            root,
            symlinks=True,
            ignore=lambda folder, names: {"tmp"} & set(names) if Path(folder) == locks else set(),
        )
        return Project(root, self.pipeline, commands)


def fresh_project(root: Path, pipeline: str = PAEDIATRIC, commands: Path | None = None) -> Project:
    """Copy what git would commit of the working tree, with the smoke preset, and nothing made."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if Path(name).name != "dvc.lock" and (ROOT / name).is_file():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    project = Project(root, pipeline, commands)
    project.edit_params(settings_of(ROOT / pipeline / "presets" / "smoke.yaml"))
    return project
