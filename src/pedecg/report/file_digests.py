"""Hashes of data, code and weights."""

import re
from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML

from pedecg.core import checksums

DATA = (
    "data/interim/records.parquet",
    "data/interim/labels.parquet",
    "data/interim/splits.parquet",
    "data/processed/signals",
    "data/processed/lead_statistics.json",
    "data/features/rules.parquet",
    "labels/decisions.csv",
)
PIPELINE = "dvc.yaml"
REPORT = "report"


def all_of(root: Path, models: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return SHA-256 by kind (data, weights, code) and name, of what is there."""
    weights = [
        folder.relative_to(root).as_posix()
        for model in models
        for folder in sorted(root.glob(f"models/{model}/seed*"))
    ]
    return {
        "data": {
            name: checksums.of_files([root / name]) for name in DATA if (root / name).exists()
        },
        "weights": {name: checksums.of_files([root / name]) for name in weights},
        "code": {stage: checksums.of_files(files) for stage, files in code(root).items() if files},
    }


def code(root: Path) -> dict[str, list[Path]]:
    """Return the code files of every stage but the report, as dvc.yaml declares them.

    DVC refuses dvc.yaml as a dep. It needs none: together these lists are the report's own deps.
    """
    text = (root / PIPELINE).read_text(encoding="utf-8")
    stages = YAML(typ="safe", pure=True).load(text)["stages"]
    deps = {name: entry.get("do", entry).get("deps", []) for name, entry in stages.items()}
    return {
        name: [file for dep in listed for file in _code(root, dep)]
        for name, listed in deps.items()
        if name != REPORT
    }


def _code(root: Path, dep: str) -> list[Path]:
    """Return a dep where it is code; one that is named by a parameter stands for all it can be."""
    pattern = re.sub(r"\$\{[^}]*\}", "*", dep)
    if "src/pedecg" not in dep and not dep.endswith(".py"):
        return []
    if "*" not in pattern:
        return [root / dep]
    folder, name = pattern.rsplit("/", 1)
    return sorted((root / folder).glob(name))
