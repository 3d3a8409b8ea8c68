"""The hashes of a report tell data, weights and code apart, wherever the project lies."""

import shutil
from pathlib import Path

from pedecg.report import file_digests

DVC = """
stages:
  split:
    cmd: python stages/split.py
    deps: [stages/split.py, src/pedecg/cohorts/splits.py, data/interim/records.parquet]
  train:
    matrix: {model: [a, b]}
    cmd: python stages/train.py ${item.model}
    deps: [stages/train.py, src/pedecg/signals, "src/pedecg/models/${item.model}.py"]
  report:
    cmd: python stages/report.py
    deps: [stages/report.py, stages/split.py, stages/train.py]
"""
FILES = (
    "stages/split.py",
    "stages/train.py",
    "stages/report.py",
    "src/pedecg/cohorts/splits.py",
    "src/pedecg/signals/signal_store.py",
    "src/pedecg/models/a.py",
    "src/pedecg/models/b.py",
    "data/interim/records.parquet",
    "models/a/seed0/weights.safetensors",
)


def project(root: Path) -> Path:
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    (root / "dvc.yaml").write_text(DVC, encoding="utf-8")
    return root


def changed(root: Path, name: str) -> set[str]:
    """Return what has another hash after a change of a file."""
    before = file_digests.all_of(root, ["a"])
    (root / name).write_text("changed", encoding="utf-8")
    after = file_digests.all_of(root, ["a"])
    return {
        f"{kind} {key}" for kind in after for key in after[kind]
        if after[kind][key] != before[kind][key]
    }  # fmt: skip


def test_each_file_changes_the_hash_of_what_rests_on_it(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert changed(root, "src/pedecg/cohorts/splits.py") == {"code split"}
    assert changed(root, "src/pedecg/signals/signal_store.py") == {"code train"}
    assert changed(root, "src/pedecg/models/b.py") == {"code train"}
    assert changed(root, "data/interim/records.parquet") == {"data data/interim/records.parquet"}
    assert changed(root, "models/a/seed0/weights.safetensors") == {"weights models/a/seed0"}


def test_the_place_of_the_project_changes_no_hash(tmp_path: Path) -> None:
    first = project(tmp_path / "here")
    second = tmp_path / "far" / "there"
    shutil.copytree(first, second)
    assert file_digests.all_of(first, ["a"]) == file_digests.all_of(second, ["a"])


def test_what_python_leaves_behind_changes_no_hash(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "src/pedecg/signals/__pycache__").mkdir()
    assert not changed(root, "src/pedecg/signals/__pycache__/store.pyc")
