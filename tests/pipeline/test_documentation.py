"""What the README says of commands, stages and parameters is what the project has."""

import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from ruamel.yaml import YAML
from scratch import PAEDIATRIC, ROOT, pipelines

sys.path.insert(0, str(ROOT / "scripts"))

import benchmark_tables
import publish_benchmarks
import readme_tables

from pedecg.commands import parameter_sections

PUBLISHED = ROOT / "pipelines/benchmarks/published"
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
    readme = in_git("README.md")
    renewed = readme_tables.with_results(readme, in_git)
    assert renewed == readme, "python scripts/readme_tables.py, then git add README.md metrics"


def test_a_run_of_other_figures_changes_the_table_and_not_what_is_tested() -> None:
    def other(name: str) -> str:
        return re.sub(r"0\.[0-9]+", "0.5", in_git(name))

    assert readme_tables.with_results(README, other) != readme_tables.with_results(README, in_git)


def test_the_tables_of_parameters_are_current() -> None:
    assert readme_tables.with_parameters(README) == README, "python scripts/readme_tables.py"


def test_the_tables_of_published_figures_are_current() -> None:
    page = (ROOT / "pipelines/benchmarks/README.md").read_text(encoding="utf-8")
    assert page.count("<!-- benchmark") == 2 * len(benchmark_tables.TABLES)
    assert readme_tables.renewed(page) == page, "python scripts/readme_tables.py"


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


def test_every_stage_is_in_the_table() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert not [name for name in stages if f"`{name}`" not in README]


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_parameter_says_what_it_means(pipeline: str) -> None:
    file = ROOT / pipeline / "params.yaml"
    parameter_sections.check(file)
    assert not [p.key for p in parameter_sections.parameters(file) if not p.meaning]


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_pipeline_has_a_table_of_parameters(pipeline: str) -> None:
    assert parameter_sections.markdown(ROOT / pipeline / "params.yaml") in README
    assert pipeline == PAEDIATRIC or pipeline in README


def test_every_picture_and_link_exists() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    local = [t for t in targets if "://" not in t]
    assert local
    assert not [t for t in local if not (ROOT / t).exists()]
