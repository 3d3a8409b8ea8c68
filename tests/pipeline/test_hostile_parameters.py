"""A parameter never becomes a command: by pedecg's own check, and with a plain `dvc repro`."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from scratch import PAEDIATRIC, ROOT, pipelines

from pedecg.commands import parameter_sections
from pedecg.core import stage_item
from pedecg.core.errors import PedecgError
from pedecg.delineator import annotation_sources

# Each creates a file in the folder of the run if a shell ever reads it.
PAYLOADS = [
    "0; touch PWNED #", "$(touch PWNED)", "`touch PWNED`", "0\ntouch PWNED\n", "'; touch PWNED; '",
    "x'\ntouch PWNED\n'", '"; touch PWNED; "', "0 && touch PWNED", "0 > PWNED", "--seed",
    "0\u2028touch PWNED", "0\rtouch PWNED", "${IFS}touch${IFS}PWNED", "\\'; touch PWNED #",
]  # fmt: skip


def stages(pipeline: str) -> dict[str, Any]:
    text = (ROOT / pipeline / "dvc.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text)["stages"])


@pytest.mark.parametrize("pipeline", pipelines())
def test_a_command_takes_a_matrix_as_dvc_quotes_it_and_keys_that_dvc_yaml_names(pipeline):
    """DVC quotes the texts of ``${item}`` of a matrix for the shell, and nothing else."""
    for name, stage in stages(pipeline).items():
        command = stage.get("do", stage)["cmd"]
        inserted = re.findall(r"\$\{(.*?)\}", command)
        if "matrix" in stage:
            assert set(inserted) <= {"item"}, name
            # A matrix of mappings would put their keys into the command: an output with each value
            # alone, which DVC refuses to fill with anything but a text or a number, prevents it.
            outs = " ".join(map(str, [*stage.get("outs", []), *stage.get("metrics", [])]))
            for key in stage["matrix"]:
                assert f"${{item.{key}}}" in outs, name
        elif isinstance(stage.get("foreach"), dict):
            assert set(inserted) <= {"key"}, name
        else:
            assert not inserted, name


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A project with the root's dvc.yaml and a ``python`` that only notes how it was called."""
    folder, commands = tmp_path / "project", tmp_path / "commands"
    folder.mkdir()
    commands.mkdir()
    python = commands / "python"
    python.write_text(f"#!/bin/sh\nprintf '%s|' \"$@\" >> '{tmp_path}/calls'\nexit 1\n")
    python.chmod(0o755)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / PAEDIATRIC / name, folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["dvc", "init", "-q"], cwd=folder, check=True)
    for dep in stages(PAEDIATRIC)["train"]["deps"]:
        path = folder / dep.replace("${item.model}", "rules")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.write_text("x")
        else:
            path.mkdir()
            (path / "file").write_text("x")
    return folder


def repro(folder: Path, seeds: list[Any], *options: str) -> subprocess.CompletedProcess[str]:
    yaml, file = YAML(), folder / "params.yaml"
    values = yaml.load(file.read_text(encoding="utf-8"))
    values["experiment"] |= {"models": ["rules"], "seeds": seeds}
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    path = f"{folder.parent / 'commands'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["dvc", "repro", "-s", "-k", *options, "train"],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_seed_is_no_command_even_with_a_plain_dvc_repro(scratch: Path) -> None:
    assert repro(scratch, PAYLOADS, "--dry").returncode == 0
    done = repro(scratch, PAYLOADS)
    assert done.returncode != 0
    assert "exited with 1" in done.stdout + done.stderr, "no stage was tried"
    assert not list(scratch.parent.rglob("PWNED*"))
    calls = (scratch.parent / "calls").read_text().split("stages/train.py|")[1:]
    # Of several lines the first ends within a quotation, which the shell refuses.
    single = [payload for payload in PAYLOADS if len(payload.splitlines()) == 1]
    assert [call.split("|")[3] for call in calls] == single


@pytest.mark.slow
def test_a_seed_that_is_no_text_stops_dvc(scratch: Path) -> None:
    done = repro(scratch, [{"a; touch PWNED #": 1}])
    assert "Cannot interpolate" in done.stderr
    assert not list(scratch.parent.rglob("PWNED*"))


@pytest.mark.parametrize("pipeline", [PAEDIATRIC, "pipelines/arrhythmia"])
@pytest.mark.parametrize(("key", "told"), [("seeds", "experiment.seeds"), ("models", "letters")])
def test_the_check_refuses_them_before_any_command(tmp_path, pipeline, key, told):
    folder = tmp_path / pipeline
    folder.mkdir(parents=True, exist_ok=True)
    values = YAML(typ="safe").load((ROOT / pipeline / "params.yaml").read_text(encoding="utf-8"))
    for payload in PAYLOADS:
        values["experiment"][key] = [payload]
        with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
            YAML().dump(values, stream)
        with pytest.raises(PedecgError, match=told) as caught:
            parameter_sections.check(folder / "params.yaml")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("payload", [*PAYLOADS, "../../../ESC=A", "-1", "1.0", "", "٣", "1" * 19])
def test_a_stage_refuses_what_is_no_seed_and_no_model(payload, monkeypatch):
    for option, other in (("seed", ["--model", "rules"]), ("model", ["--seed", "0"])):
        if option == "model" and payload.lstrip("-").isalnum() and not payload[0].isdigit():
            continue
        monkeypatch.setattr("sys.argv", ["train.py", *other, f"--{option}={payload}"])
        with pytest.raises(PedecgError, match=rf"--{option}"):
            stage_item.read("model", "seed")


def test_a_stage_reads_its_model_and_seed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--model", "rules_trees", "--seed", "12"])
    assert stage_item.read("model", "seed") == stage_item.Item("rules_trees", 12)
    monkeypatch.setattr("sys.argv", ["train.py"])
    with pytest.raises(PedecgError, match="expected --model"):
        stage_item.read("model")


@pytest.mark.parametrize(
    ("stage", "name", "folder"),
    [
        ("", "cohort", "data/raw"),
        ("ingest", "cohort", "data/raw"),
        ("ingest_also@ludb", "ludb", "/data/ludb; touch PWNED"),
        ("pipelines/a@b/dvc.yaml:ingest_also@ludb", "ludb", "/data/ludb; touch PWNED"),
    ],
)
def test_a_further_source_is_found_by_the_name_of_its_stage(
    tmp_path, monkeypatch, stage, name, folder
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", stage)
    text = "cohort:\n  root: data/raw\n  also: {ludb: '/data/ludb; touch PWNED'}\n"
    (tmp_path / "params.yaml").write_text(text)
    assert annotation_sources.source(stage_item.key()) == (name, Path(folder))


@pytest.mark.parametrize("key", ["../x", "qtdb", "root", "a b/c"])
def test_a_further_source_of_no_such_name_is_refused(tmp_path, monkeypatch, key):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("cohort:\n  root: x\n  also: {'a b/c': y}\n")
    with pytest.raises(PedecgError, match="also"):
        annotation_sources.source(key)


@pytest.mark.parametrize("payload", [*PAYLOADS, "", "..", "a/b"])
def test_the_name_of_an_external_cohort_forms_no_path(monkeypatch, payload):
    monkeypatch.setenv("DVC_STAGE", f"ingest_external@{payload}")
    with pytest.raises(PedecgError, match="external_cohorts: name"):
        stage_item.cohort()


def test_the_name_of_an_external_cohort_comes_from_its_stage(monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "dvc.yaml:ingest_external@north")
    found = stage_item.cohort()
    assert (found.section, found.folder) == (
        "external_cohorts.north", Path("data/external_cohorts/north"),
    )  # fmt: skip
    assert found.metrics("ingest") == ("metrics/ingest_external/north.json", "ingest_external")
    monkeypatch.setenv("DVC_STAGE", "ingest")
    assert stage_item.cohort().metrics("ingest") == ("metrics/ingest.json", "ingest")
