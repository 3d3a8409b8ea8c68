"""dvc.yaml declares exactly the code that each stage imports."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from scratch import ROOT, pipelines


@pytest.mark.parametrize("pipeline", pipelines())
def test_deps_equal_the_imports(pipeline: str) -> None:
    command = [sys.executable, "scripts/stage_deps.py", f"{pipeline}/dvc.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}mend: {' '.join(command)} --write"


def test_a_path_that_a_script_reads_and_its_stage_does_not_declare_is_found() -> None:
    """Seen: a stage declared labels.parquet and its script read training_labels.parquet."""
    spec = importlib.util.spec_from_file_location("stage_deps", ROOT / "scripts/stage_deps.py")
    assert spec is not None
    assert spec.loader is not None
    stage_deps = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stage_deps)
    declared = YAML(typ="safe").load((ROOT / "pipelines/arrhythmia/dvc.yaml").read_text("utf-8"))
    stage = declared["stages"]["normal_beats"]
    assert stage_deps.undeclared(stage) == []
    for path in ("data/interim/training_labels.parquet", "data/processed/signals"):
        fewer = stage | {"deps": [dep for dep in stage["deps"] if dep != path]}
        assert stage_deps.undeclared(fewer) == [path]


@pytest.mark.parametrize("pipeline", pipelines())
def test_the_report_depends_on_the_code_of_every_stage(pipeline: str) -> None:
    stages = YAML(typ="safe").load((ROOT / pipeline / "dvc.yaml").read_text("utf-8"))["stages"]
    if "report" not in stages:
        pytest.skip("this pipeline writes no report")
    declared = stages["report"]["deps"]
    code = {
        dep
        for entry in stages.values()
        for dep in entry.get("do", entry)["deps"]
        if ("src/pedecg" in dep or dep.endswith(".py")) and "${" not in dep
    }
    lacking = [d for d in code if not any(d == one or d.startswith(f"{one}/") for one in declared)]
    assert not lacking


def test_packages_import_nothing_by_themselves() -> None:
    full = [p for p in ROOT.glob("src/pedecg/**/__init__.py") if p.read_text("utf-8").strip()]
    assert not full, "an import of one module must not drag in its neighbours"


def test_a_stage_runs_the_code_beside_it_and_not_what_is_installed(tmp_path: Path) -> None:
    """DVC copies a queued experiment, code and all; what is installed may have changed since."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/pedecg").symlink_to((ROOT / "stages/pedecg").readlink())
    (tmp_path / "src/pedecg").mkdir(parents=True)
    (tmp_path / "src/pedecg/__init__.py").write_text("import sys\nsys.exit('the copy')\n")
    (tmp_path / "stages/split.py").write_bytes((ROOT / "stages/split.py").read_bytes())
    command = [sys.executable, "stages/split.py"]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False
    )
    assert "the copy" in done.stderr


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_stage_says_what_it_does(pipeline: str) -> None:
    stages = YAML(typ="safe").load((ROOT / pipeline / "dvc.yaml").read_text("utf-8"))["stages"]
    assert not [name for name, entry in stages.items() if not entry.get("do", entry).get("desc")]


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_pipeline_has_a_lock_and_a_smoke_preset(pipeline: str) -> None:
    for name in ("dvc.lock", "params.yaml", "presets/smoke.yaml"):
        assert (ROOT / pipeline / name).is_file()


@pytest.mark.parametrize("pipeline", pipelines())
def test_git_holds_no_ignore_list_in_a_folder_that_stages_made(pipeline: str) -> None:
    """A .gitignore that DVC wrote into it makes the folder look changed in a fresh clone."""
    lock = YAML(typ="safe").load((ROOT / pipeline / "dvc.lock").read_text("utf-8"))["stages"]
    deps = [dep for entry in lock.values() for dep in entry["deps"]]
    made = {dep["path"] for dep in deps if "nfiles" in dep and "src/" not in dep["path"]}
    held = subprocess.run(
        ["git", "ls-files", "."], cwd=ROOT / pipeline, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert made
    lists = [file for file in held if file.endswith("/.gitignore")]
    assert not [file for file in lists if any(file.startswith(f"{path}/") for path in made)]


@pytest.mark.parametrize("pipeline", pipelines())
def test_no_plot_of_a_pipeline_is_a_file_that_dvc_must_look_up(pipeline: str) -> None:
    """DVC looks every such file up when an experiment ends, and fails where one is not cached.

    A fresh clone has none in its cache, so that ``dvc exp run … audit`` would end in an error.
    A plot that says its ``y`` file by file is not looked up, nor is one of a stage.
    """
    declared = YAML(typ="safe").load((ROOT / pipeline / "dvc.yaml").read_text(encoding="utf-8"))
    for plot in declared.get("plots", []):
        assert isinstance(plot, dict), f"{plot}: declare it under plots of its stage"
        assert all(isinstance(values["y"], dict) for values in plot.values())


@pytest.mark.parametrize("pipeline", pipelines())
def test_no_dependency_is_a_folder_that_lies_in_git_in_part(pipeline: str) -> None:
    """In a fresh clone such a folder is there, but not whole: DVC takes it for a changed one."""
    declared = YAML(typ="safe").load((ROOT / pipeline / "dvc.yaml").read_text(encoding="utf-8"))
    stages = [entry.get("do", entry) for entry in declared["stages"].values()]
    in_git, cached = set(), set()
    for stage in stages:
        for out in [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]:
            path, settings = (out, {}) if isinstance(out, str) else next(iter(out.items()))
            (cached if (settings or {}).get("cache", True) else in_git).add(path)
    for dep in {dep for stage in stages for dep in stage["deps"]}:
        inner = [{path for path in kind if path.startswith(f"{dep}/")} for kind in (in_git, cached)]
        assert not all(inner), f"{dep}: {sorted(inner[0])} is in git, {sorted(inner[1])} is not"
