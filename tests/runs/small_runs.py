"""A small pipeline whose experiments are written into git as DVC writes them."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PARAMS: dict[str, Any] = {
    "cohort": {"name": "simulated"},
    "split": {"folds": 0, "fold": 0},
    "experiment": {"models": ["cnn", "gru"], "seeds": [0, 1]},
    "train": {"learning_rate": 0.003, "fast_dev_run": False},
    "pretrain": {"learning_rate": 0.01},
    "models": {"cnn": {"width": 32}, "gru": {"width": 64, "layers": 2}},
}


def _md5(value: Any) -> str:
    return hashlib.md5(json.dumps(value).encode()).hexdigest()


class SmallProject:
    """A git repository with one pipeline in a folder of it."""

    def __init__(self, root: Path, folder: str = ".") -> None:
        self.root, self.folder = root, root / folder
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (root / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.write({}, {"cnn": 0.7, "gru": 0.6})
        self.base = self.commit("base")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
               for part in ("NAME", "EMAIL")}  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env={**os.environ, **who},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, changes: dict[str, Any], auroc: dict[str, float]) -> None:
        """Write parameters, with dotted keys changed, and what evaluation would."""
        values = json.loads(json.dumps(PARAMS))
        for key, value in changes.items():
            *above, last = key.split(".")
            section = values
            for part in above:
                section = section[part]
            section[last] = value
        with (self.folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(values, file)
        for model, value in auroc.items():
            figure = {"value": value, "low": value - 0.1, "high": value + 0.1}
            found = {
                "model": model, "seeds": [0, 1],
                "test": {"macro": {"auroc": figure, "brier": {"value": 1 - value}},
                         "targets": {"chd": {"auroc": figure}}},
                "validation": {"macro": {"auroc": figure}},
            }  # fmt: skip
            self._json(f"evaluate/{model}.json", found)
        self._json("noise_truth.json", {"found_in_first_100": 20})
        self.lock(values)

    def lock(self, values: dict[str, Any]) -> None:
        """Write the lock of a run that made every figure with these parameters."""
        stages: dict[str, Any] = {
            "split": {"params": {"params.yaml": {"split": values.get("split")}},
                      "outs": [{"path": "data/splits.parquet", "md5": _md5(values.get("split"))}]},
        }  # fmt: skip
        for file in sorted((self.folder / "metrics").rglob("*.json")):
            path = file.relative_to(self.folder).as_posix()
            stages[f"evaluate@{file.stem}"] = {
                "deps": [{"path": "data/splits.parquet", "md5": _md5(values.get("split"))}],
                "params": {"params.yaml": {"train": values.get("train")}},
                "outs": [{"path": path, "md5": hashlib.md5(file.read_bytes()).hexdigest()}],
            }
        with (self.folder / "dvc.lock").open("w", encoding="utf-8") as stream:
            YAML().dump({"schema": "2.0", "stages": stages}, stream)

    def _json(self, name: str, values: Any) -> None:
        file = self.folder / "metrics" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def partial_experiment(self, name: str, changes: dict[str, Any]) -> str:
        """Write an experiment whose run ended after stage split, over the baseline's figures."""
        base = self.git("rev-parse", "HEAD")
        lock, metrics = self.folder / "dvc.lock", self.folder / "metrics"
        before = YAML(typ="safe").load(lock.read_text())["stages"]
        figures = {file: file.read_bytes() for file in metrics.rglob("*.json")}
        self.write(changes, {})
        for file, content in figures.items():
            file.write_bytes(content)
        values = YAML(typ="safe").load((self.folder / "params.yaml").read_text())
        self.lock(values)
        now = YAML(typ="safe").load(lock.read_text())["stages"]
        with lock.open("w", encoding="utf-8") as stream:
            YAML().dump({"schema": "2.0", "stages": before | {"split": now["split"]}}, stream)
        return self._keep(name, base)

    def experiment(self, name: str, changes: dict[str, Any], auroc: dict[str, float]) -> str:
        """Write an experiment on HEAD, and leave the workspace as it was."""
        base = self.git("rev-parse", "HEAD")
        self.write(changes, auroc)
        return self._keep(name, base)

    def _keep(self, name: str, base: str) -> str:
        made = self.commit(name)
        self.git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", made)
        self.git("reset", "-q", "--hard", base)
        return made
