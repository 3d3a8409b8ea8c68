"""The files at the top explain the repository, agree with each other, and name what exists."""

import re
import subprocess
import sys
import tomllib

import pytest
from ruamel.yaml import YAML
from scratch import ROOT

PAGES = sorted(
    file
    for pattern in ("*.md", "*/README.md", "pipelines/*/README.md")
    for file in ROOT.glob(pattern)
    if not file.parent.name.startswith(".")
)
WORKFLOWS = sorted(
    file.relative_to(ROOT).as_posix() for file in (ROOT / ".github/workflows").glob("*.yml")
)


def test_the_version_is_the_same_in_package_citation_and_changelog():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text("utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \[(\d\S*)\] - (\S+)$", changelog, re.MULTILINE)
    assert (citation["version"], str(citation["date-released"])) == released[0]
    assert package == released[0][0]


def test_changes_that_are_not_released_come_first():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


@pytest.mark.parametrize("folder", ["benchmarks", "ablations"])
def test_every_script_is_in_the_table_of_its_folder(folder):
    page = (ROOT / folder / "README.md").read_text("utf-8")
    scripts = {file.name for file in (ROOT / folder).glob("*.py")}
    assert scripts
    assert scripts <= set(re.findall(r"`(\w+\.py)`", page))
    in_table = re.findall(r"^\| `(\w+\.py)`", page, re.MULTILINE)
    assert in_table
    assert set(in_table) <= scripts


@pytest.mark.parametrize("page", PAGES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_links_of_every_page_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert not [t for t in targets if "://" not in t and not (page.parent / t).exists()]


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", *WORKFLOWS])
def test_every_test_script_and_stage_that_a_command_names_exists(file):
    text = (ROOT / file).read_text("utf-8")
    named = re.findall(r"(?<![\w/.$])(?:tests|scripts|stages|src|benchmarks)/[\w/.]+", text)
    assert named or file != "Makefile"
    assert not [path for path in named if not (ROOT / path.rstrip(".")).exists()]


def test_an_archive_without_git_is_one_line(tmp_path):
    def check():
        command = [sys.executable, ROOT / "scripts/check_repository.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    without = check()
    assert without.returncode == 1
    (line,) = without.stderr.splitlines()
    assert "git init && git add -A && git commit" in line
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert check().returncode == 0
