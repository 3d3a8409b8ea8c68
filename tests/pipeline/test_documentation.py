"""README and docs/ agree with the project: commands, stages, parameters, published figures."""

import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from ruamel.yaml import YAML
from scratch import ROOT, pipelines

sys.path.insert(0, str(ROOT / "scripts"))

import benchmark_tables
import docs_pages
import docs_tables
import publish_benchmarks

from pedecg.cli import app
from pedecg.commands import parameter_sections
from pedecg.report import run_files

PUBLISHED = ROOT / "pipelines/benchmarks/published"
RESULTS = "docs/benchmarks.md"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_commands_are_repro_and_test() -> None:
    blocks = re.findall(r"```(?:sh)?\n(.*?)```", README, re.DOTALL)
    assert "make repro" in blocks[0]
    assert "make test" in blocks[0]


def in_git(name: str) -> str:
    """Return the text of a file as git holds it: as staged, which is as committed after a commit.

    A run on another processor has other figures in the working tree, and its tests must pass.
    """
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git repository: what is published is compared with what is committed")
    command = ["git", "show", f":./{name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8").replace("\r\n", "\n")


def test_the_table_of_results_is_that_of_the_committed_metrics() -> None:
    page = in_git(RESULTS)
    renewed = docs_tables.with_results(page, in_git)
    assert renewed == page, "python scripts/docs_tables.py, then git add docs metrics"


def test_pages_state_how_much_of_the_maps_lies_on_qrs_where_only_st_and_t_changed() -> None:
    for name in ("README.md", "docs/results.md"):
        page = in_git(name)
        assert "of the map by Grad-CAM lies on QRS" in page or "too few records" in page
        assert docs_tables.with_results(page, in_git) == page, "python scripts/docs_tables.py"


def test_the_table_of_results_says_what_simulated_children_favour() -> None:
    assert run_files.RULES_HAVE_AN_ADVANTAGE in in_git(RESULTS)


def test_the_picture_of_the_results_is_that_of_the_committed_metrics() -> None:
    drawn = in_git(docs_tables.PICTURE_TABLE)
    assert drawn == docs_tables.picture_table(in_git), "python scripts/docs_tables.py"


def test_a_run_of_other_figures_changes_the_table_and_not_what_is_tested() -> None:
    def other(name: str) -> str:
        return re.sub(r"0\.[0-9]+", "0.5", in_git(name))

    page = (ROOT / RESULTS).read_text(encoding="utf-8")
    assert docs_tables.with_results(page, other) != docs_tables.with_results(page, in_git)


def test_the_tables_of_published_figures_are_current() -> None:
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in docs_tables.PAGES}
    marks = re.findall(r"<!-- benchmark (\w+): begin -->", "".join(pages.values()))
    assert sorted(marks) == sorted(benchmark_tables.TABLES)
    for name, page in pages.items():
        assert benchmark_tables.renewed(page) == page, f"{name}: python scripts/docs_tables.py"


def test_every_published_figure_says_when_and_from_what_it_was_measured() -> None:
    files = {file.stem: json.loads(file.read_text("utf-8")) for file in PUBLISHED.glob("*.json")}
    assert set(publish_benchmarks.DATA) <= set(files)
    for name, published in files.items():
        rows = [published] if name != benchmark_tables.EARLIER else _rows(published)
        for row in rows:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["measured"]["date"])
            assert re.fullmatch(r"[0-9a-f]{7,}", row["measured"]["commit"])
            assert row["records"]
        if name in publish_benchmarks.DATA:
            assert published["measured"]["data"]["nfiles"] >= published["records"]


def _rows(earlier: dict[str, dict[str, Any]]) -> list[Any]:
    return [row for table in earlier.values() for row in table.values()]


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_every_stage_is_in_the_table() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    page = (ROOT / "docs/pipelines/index.md").read_text("utf-8")
    assert not [name for name in stages if f"`{name}`" not in page]


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_parameter_says_what_it_means(pipeline: str) -> None:
    file = ROOT / pipeline / "params.yaml"
    parameter_sections.check(file)
    assert not [p.key for p in parameter_sections.parameters(file) if not p.meaning]


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_pipeline_has_a_page_of_parameters(pipeline: str) -> None:
    page = docs_pages.pages()[f"reference/parameters/{docs_pages.slug(pipeline)}.md"]
    sections = parameter_sections.sections(ROOT / pipeline / "params.yaml")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == list(sections)
    defaults = {
        p.key: p.default for p in parameter_sections.parameters(ROOT / pipeline / "params.yaml")
    }
    shown = dict(re.findall(r"^`([^`]+)` : `([^`]*)`$", page, re.MULTILINE))
    assert {key: defaults[key] for key in shown} == shown
    alike = dict(re.findall(r"^## (.+)\n\nThe keys of \[`([^`]+)`\]", page, re.MULTILINE))
    for key in defaults.keys() - shown.keys():  # stated once, with the section that it stands for
        section = next(name for name in alike if key.startswith(f"{name}."))
        assert defaults[key] == shown[f"{alike[section]}{key.removeprefix(section)}"]


def test_every_command_is_on_the_page_of_commands() -> None:
    page = docs_pages.commands()
    listed = [command.name for command in app.registered_commands]
    assert listed
    assert not [name for name in listed if f"\n## pedecg {name}\n" not in page]
    assert "\n## pedecg fetch weights\n" in page
    for option in ("`--where`", "`-w`", "`--json`", "`--age-days` `NUMBER`"):
        assert option in page
    assert not re.findall(r"^.+\n:\s*$", page, re.MULTILINE)  # an option that says nothing


def test_every_module_is_on_a_page_of_the_api() -> None:
    pages = docs_pages.pages()
    for package in docs_pages.packages():
        page = pages[f"reference/api/{package}.md"]
        shown = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
        assert shown == docs_pages.modules(package)
        assert shown
