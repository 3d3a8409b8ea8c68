"""`pedecg run`: a preset becomes one `dvc exp run`, and a wrong parameter stops before it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pedecg.commands import presets
from pedecg.core.errors import PedecgError

ROOT = Path(__file__).parents[2]
PIPELINE = "pipelines/cardiotoxicity"
DVC = """\
stages:
  learn:
    cmd: cat params.yaml > learnt.txt
    params: [train]
    outs: [learnt.txt]
"""


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A pipeline's folder with the parameters and presets of a real one, and a stage of its own."""
    folder = tmp_path / PIPELINE
    folder.mkdir(parents=True)
    shutil.copy2(ROOT / PIPELINE / "params.yaml", folder)
    shutil.copytree(ROOT / PIPELINE / "presets", folder / "presets")
    (folder / "dvc.yaml").write_text(DVC)
    monkeypatch.chdir(folder)
    return folder


def test_a_preset_by_name_becomes_one_command(pipeline, pedecg):
    result = pedecg("run", "smoke", "-n", "first", "--dry", "-S", "train.epochs=3", "learn", "-f")
    assert result.exception is None
    (line,) = result.stderr.splitlines()
    assert line.startswith("dvc exp run --name first -S simulate.patients=40 -S ")
    assert line.endswith("-S train.epochs=3 learn -f")
    assert "'models.cnn1d.channels=[8,8,16]'" in line
    assert sorted(pipeline.iterdir()) == [pipeline / name for name in
                                          ("dvc.yaml", "params.yaml", "presets")]  # fmt: skip


def test_a_preset_by_path_runs_in_its_own_pipeline(pipeline, pedecg, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = pedecg("run", f"{PIPELINE}/presets/smoke.yaml", "--dry")
    assert result.stderr.startswith(f"cd {pipeline} && dvc exp run -S ")


def test_a_preset_elsewhere_is_for_the_pipeline_here(pipeline, pedecg, tmp_path):
    (tmp_path / "ours.yaml").write_text("train.epochs: 1\n")
    result = pedecg("run", tmp_path / "ours.yaml", "--dry")
    assert result.stderr == "dvc exp run -S train.epochs=1\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["-S", "train.learning_rate=banana"], "params.yaml: train.learning_rate must be"),
        (["-S", "train.epochs=0"], "params.yaml: train.epochs must be"),
        (["-S", "train.epoch=3"], "params.yaml: "),
        (["-S", "train.epochs"], "-S train.epochs: expected KEY=VALUE"),
        (["-S", "--run-all=1"], "-S --run-all=1: expected KEY=VALUE"),
        (["-S", "train.epochs=[1"], "params.yaml: "),
        (["-S", "other.yaml:train.epochs=1"], "-S other.yaml:…: the pipelines read no other file"),
        (["-S", "train.epochs=1,2"], "-S: 2 combinations of values; add --queue"),
        (["-S", "train.epochs=1,0", "--queue"], "params.yaml: train.epochs must be"),
        (["-n", "--run-all"], "--name --run-all: expected letters"),
        (["-n", "a b"], "--name a b: expected letters"),
    ],
)
def test_a_wrong_argument_is_one_line_before_anything_runs(
    pipeline, pedecg, monkeypatch, arguments, line
):
    monkeypatch.setattr(presets, "execute", lambda *_: pytest.fail("ran"))
    fault = pedecg("run", "smoke", *arguments).exception
    assert isinstance(fault, PedecgError)
    assert str(fault).startswith(line)
    assert "\n" not in str(fault)
    assert len(list(pipeline.iterdir())) == 3


@pytest.mark.parametrize("further", [["smoke"], ["-S", "a=1"], ["--dry"], ["-n", "name"]])
def test_jobs_go_with_the_parameters_as_they_are(pipeline, pedecg, further):
    assert "with params.yaml as it is" in str(pedecg("run", "--jobs", "2", *further).exception)


def test_neither_preset_nor_jobs_is_one_line(pipeline, pedecg):
    assert "expected a preset, or --jobs" in str(pedecg("run").exception)


def test_values_that_a_shell_would_run_stay_values(pipeline, pedecg):
    value = "cohort.root=$(touch hacked); touch hacked"
    line = pedecg("run", "smoke", "--dry", "-S", f"{value.replace('=', '=' + chr(34))}{chr(34)}")
    subprocess.run(f"echo {line.stderr}", shell=True, check=True, capture_output=True)
    assert not (pipeline / "hacked").exists()


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        ("smoek", "smoek: no such preset; did you mean smoke?"),
        ("none.yaml", "none.yaml: no such file"),
        ("list.yaml", "list.yaml: expected lines `key: value`"),
        ("broken.yaml", "broken.yaml: not valid YAML: "),
        ("option.yaml", "option.yaml: '--run-all' is not a dotted key"),
    ],
)
def test_a_wrong_preset_is_one_line(pipeline, pedecg, preset, line):
    (pipeline / "list.yaml").write_text("- 1\n")
    (pipeline / "broken.yaml").write_text("a: [1\n")
    (pipeline / "option.yaml").write_text("--run-all: 1\n")
    fault = pedecg("run", preset, "--dry").exception
    assert isinstance(fault, PedecgError)
    assert str(fault).startswith(line)
    assert "\n" not in str(fault)


def test_a_folder_without_a_pipeline_and_one_without_git_are_reported_apart(
    pipeline, pedecg, monkeypatch, tmp_path
):
    assert "no git repository, which DVC needs" in str(pedecg("run", "smoke").exception)
    monkeypatch.chdir(tmp_path)
    assert "call pedecg run in a pipeline's folder" in str(pedecg("run", "smoke").exception)
    (tmp_path / "ours.yaml").write_text("train.epochs: 1\n")
    assert "no pipeline (dvc.yaml and params.yaml) here" in str(
        pedecg("run", "ours.yaml").exception
    )


def test_a_run_that_fails_leaves_nothing_behind(pipeline, pedecg, monkeypatch):
    """Seen: a failed run left a deleted metrics/ingest.json, and parameters of the next."""
    metrics, lock = pipeline / "metrics/ingest.json", pipeline / "dvc.lock"
    metrics.parent.mkdir()
    metrics.write_text("{}")
    lock.write_text("as committed")
    repository = pipeline.parents[1]
    (repository / ".dvc").mkdir()
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "start"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    (pipeline / "dvc.yaml").write_text(DVC + "# edited by hand\n")
    parameters = (pipeline / "params.yaml").read_bytes()

    def fail(*_: object) -> int:
        metrics.unlink()
        (pipeline / "params.yaml").write_text("changed")
        (pipeline / "dvc.yaml").write_text("changed")
        lock.write_text("changed")
        return 3

    monkeypatch.setattr(presets, "execute", fail)
    ended = pedecg("run", "smoke")
    assert ended.exit_code == 3
    assert "metrics/ingest.json" in ended.stderr
    assert "again as before it" in ended.stderr
    assert (metrics.read_text(), lock.read_text()) == ("{}", "as committed")
    assert (pipeline / "params.yaml").read_bytes() == parameters
    assert (pipeline / "dvc.yaml").read_text().endswith("# edited by hand\n")


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).filter(
        # The first is an interpolation to Hydra, in quotes too; the second ruamel writes without
        # quotes and cannot read.
        lambda text: "${" not in text and not text.startswith("?")
    ),
)  # fmt: skip


@settings(deadline=None)  # the cores may be busy with other work
@given(value=st.one_of(LEAVES, st.lists(LEAVES)))
def test_dvc_reads_every_value_as_the_preset_has_it(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("values")
    (folder / "params.yaml").write_text("train:\n  epochs: 1\n")
    # JSON is YAML; ruamel.yaml itself writes some texts, such as "?|", so that it cannot read them.
    (folder / "preset.yaml").write_text(json.dumps({"train.epochs": value}))
    apply_overrides(folder / "params.yaml", presets.overrides(folder / "preset.yaml"))
    read = YAML(typ="safe", pure=True).load((folder / "params.yaml").read_text())
    assert read == {"train": {"epochs": value}}


@pytest.mark.slow
def test_a_preset_is_run_as_an_experiment_of_that_name(pipeline, tmp_path):
    def call(*command, at=pipeline):
        author = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
                  for part in ("NAME", "EMAIL")}  # fmt: skip
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command, cwd=at, env={**os.environ, **author, "PATH": path, "DVC_NO_ANALYTICS": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    for setup in (["git", "init", "-q"], ["dvc", "init", "-q"], ["git", "add", "-A"],
                  ["git", "commit", "-qm", "base"]):  # fmt: skip
        assert call(*setup, at=tmp_path).returncode == 0
    done = call("pedecg", "run", "smoke", "-n", "small")
    assert done.returncode == 0, done.stderr
    assert "epochs: 2" in (pipeline / "learnt.txt").read_text()
    assert "git checkout . && dvc checkout dvc.yaml" in done.stderr.splitlines()[-1]
    assert "small" in call("git", "for-each-ref", "refs/exps").stdout
    failed = call("pedecg", "run", "smoke", "no-such-stage")
    assert failed.returncode not in (0, 1)  # DVC's own status
    assert "git checkout" not in failed.stderr
