"""A stage reads what it declares and nothing else, and gives the same bytes again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from scratch import Project

pytestmark = pytest.mark.slow


def scratch_with_only(project: Project, stage: dict[str, Any], root: Path) -> Path:
    """Copy a stage's declared deps and params into an empty project; return its folder there."""
    folder = root / project.pipeline
    folder.mkdir(parents=True, exist_ok=True)
    for dep in stage["deps"]:
        source, target = project.folder / dep["path"], folder / dep["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    # DVC itself reads it before any stage; the report reads which code it lists, its own deps.
    shutil.copy2(project.folder / "dvc.yaml", folder / "dvc.yaml")
    for package in (project.root / "src").rglob("__init__.py"):  # empty: see test_deps
        target = root / package.relative_to(project.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(package, target)
    for file, read in ({"params.yaml": {}} | stage.get("params", {})).items():
        values: dict[str, Any] = {}
        for dotted, value in read.items():
            *above, last = dotted.split(".")
            section = values
            for part in above:
                section = section.setdefault(part, {})
            section[last] = value
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        with (folder / file).open("w", encoding="utf-8") as stream:
            YAML().dump(values, stream)
    return folder


def contents(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {
        str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()
    }


def test_each_stage_runs_on_what_it_declares(
    reproduced: Project, forked_stages: Path, tmp_path: Path
) -> None:
    """And writes the same bytes in a fork as in the interpreter of its own that ran it first."""
    path = os.pathsep.join([str(forked_stages), str(Path(sys.executable).parent)])
    for name, stage in reproduced.lock().items():
        root = tmp_path / name.replace("@", "-")
        folder = scratch_with_only(reproduced, stage, root)
        done = subprocess.run(
            stage["cmd"].split(),
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(root / "src"),
                "PYTHONHASHSEED": "0",
                "DVC_STAGE": name,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} reads more than declared:\n{done.stderr[-3000:]}"
        for out in stage["outs"]:
            made, known = folder / out["path"], reproduced.folder / out["path"]
            assert contents(made) == contents(known), f"{name}: {out['path']} differs"
        shutil.rmtree(root)
