"""The comments of every params.yaml are the descriptions of its parameters."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import params_comments

from pedecg.commands import parameter_sections
from pedecg.core import params
from pedecg.core.errors import PedecgError

ROOT = Path(__file__).resolve().parents[2]
FILES = params_comments.files()
DELINEATION = ROOT / "pipelines" / "delineation" / "params.yaml"
BEHIND_A_VALUE = re.compile(r"(?m)^( *\w+: [^#\s][^#\n]*?) +#.*$")


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Write a text as a params.yaml in a folder like the project's, and return the new file."""
    shutil.copytree(ROOT / "src/pedecg/rules", tmp_path / "src/pedecg/rules")

    def write(file: Path, text: str) -> Path:
        copy = tmp_path / name(file)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8", newline="\n")
        return copy

    return write


def has(values: Any, key: str) -> bool:
    """Tell whether a file has a key, rather than the default of its class."""
    for part in key.split("."):
        if part not in values:
            return False
        values = values[part]
    return True


def test_every_listed_pipeline_is_there() -> None:
    assert {file.parent.name for file in FILES[1:]} >= set(parameter_sections.PIPELINES)


def test_a_new_pipeline_needs_no_entry(copied: Callable[[Path, str], Path]) -> None:
    root = (ROOT / "params.yaml").read_text("utf-8")
    section = re.search(r"(?ms)^ingest:.*?(?=^\S)", root)
    assert section
    place = ROOT / "pipelines/description/params.yaml"
    file = copied(place, section[0])
    parameter_sections.check(file)
    assert list(parameter_sections.sections(file)) == ["ingest"]
    for wrong, message in (("ingset:", "unknown section ingset"), ("ingest:\n  a: 1", "ingest.a")):
        copied(place, section[0].replace("ingest:", wrong, 1))
        with pytest.raises(PedecgError, match=message):
            parameter_sections.check(file)


@pytest.mark.parametrize("lacking", ["models", "train"])
def test_a_pipeline_that_trains_names_what_it_lacks(
    copied: Callable[[Path, str], Path], lacking: str
) -> None:
    text = (ROOT / "params.yaml").read_text("utf-8")
    file = copied(
        ROOT / "pipelines/own/params.yaml", re.sub(rf"(?ms)^{lacking}:.*?(?=^\S)", "", text)
    )
    with pytest.raises(PedecgError, match=lacking):
        parameter_sections.check(file)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_comments_are_current(file: Path) -> None:
    current = params_comments.commented(file) == file.read_text("utf-8")
    assert current, "python scripts/params_comments.py"


@pytest.mark.parametrize("file", FILES, ids=name)
def test_each_description_is_behind_a_key(file: Path) -> None:
    values = params.read_file(file)
    meanings = {p.meaning for p in parameter_sections.parameters(file) if has(values, p.key)}
    text = file.read_text("utf-8")
    assert meanings
    assert not [meaning for meaning in meanings if f" {meaning}\n" not in text]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_lost_comments_are_found_and_written_again_and_no_value_changes(file, copied) -> None:
    committed = file.read_text("utf-8")
    bare = BEHIND_A_VALUE.sub(r"\1", committed)
    assert len(bare) < len(committed)
    copy = copied(file, bare)
    values = params.read_file(copy)
    with pytest.raises(SystemExit, match="comments differ"):
        params_comments.main(["--check", str(copy)])
    assert copy.read_text("utf-8") == bare
    params_comments.main([str(copy)])
    assert copy.read_text("utf-8") == committed
    assert params.read_file(copy) == values
    params_comments.main(["--check", str(copy)])


def test_a_wrong_comment_is_replaced(copied) -> None:
    text = DELINEATION.read_text("utf-8")
    copy = copied(DELINEATION, text.replace("number of training steps", "number of folds"))
    params_comments.main([str(copy)])
    assert copy.read_text("utf-8") == text


def test_a_hash_in_a_value_and_notes_on_lines_of_their_own_stay(copied) -> None:
    text = DELINEATION.read_text("utf-8")
    text = text.replace("  root: data/raw/children  #", '  root: "data  # raw/children"  #')
    text = text.replace("  seed: 7 ", "  # Why this seed: # 7 is prime.\n  seed: 7 ")
    assert text.count("# raw/children") == text.count("# 7 is prime") == 1
    assert params_comments.commented(copied(DELINEATION, text)) == text


def test_a_file_with_an_unknown_key_is_refused_in_one_line(copied) -> None:
    text = DELINEATION.read_text("utf-8").replace("  steps: 600 ", "  stepz: 600 ")
    copy = copied(DELINEATION, text)
    with pytest.raises(SystemExit, match=r"unknown key train\.stepz; did you mean steps\?"):
        params_comments.main([str(copy)])
    assert copy.read_text("utf-8") == text
