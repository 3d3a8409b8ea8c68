"""The commands of the tutorial and the how-to pages work as they stand there."""

from collections.abc import Callable
from pathlib import Path

import page_commands
import pytest
from scratch import PAEDIATRIC, ROOT, Project

DOCS = ROOT / "docs"
# Page: what the output of its commands must contain.
EXECUTED = {
    "tutorial.md": ("less-shrinkage", "rules_linear", "rules_trees", "AUROC"),
    "your-data.md": ("patient_id,path_xml,label", "models", "ctrcd"),
    "experiments.md": ("rules_linear", "models.rules_linear.strength"),
    "how-to/model.md": ("mynetwork", "mytable"),
    "how-to/cohort.md": ("P00001", "chd"),
    "how-to/criterion.md": ("rule_marked_long_qtc",),
    "how-to/pipeline.md": ("Running stage 'audit'",),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    # The tutorial in every CI run; the others take minutes each.
    [pytest.param(page, marks=[] if page == "tutorial.md" else [pytest.mark.nightly])
     for page in EXECUTED],
)  # fmt: skip
def test_a_reader_can_follow_the_page(
    page: str, smoke: Callable[[str], Project], forked_stages: Path, tmp_path: Path
) -> None:
    project = smoke(PAEDIATRIC).copy(tmp_path / "project", commands=forked_stages)
    for step in (["add", "--all"], ["commit", "--quiet", "-m", "as cloned"]):
        project.run("git", *step, environment=page_commands.IDENTITY)
    printed = page_commands.follow(DOCS / page, project)
    assert not [text for text in EXECUTED[page] if text not in printed]


@pytest.mark.parametrize(
    "page", sorted(DOCS.rglob("*.md")), ids=lambda file: file.relative_to(DOCS).as_posix()
)
def test_every_command_is_executed_or_says_why_not(page: Path) -> None:
    if page.relative_to(DOCS).as_posix() in EXECUTED:
        return
    commands = [block for block in page_commands.blocks(page) if block.is_command]
    assert not [block.text for block in commands if not block.why_not]


@pytest.mark.parametrize("page", EXECUTED)
def test_the_page_has_commands_to_execute(page: str) -> None:
    blocks = list(page_commands.blocks(DOCS / page))
    assert any(block.is_command and not block.why_not for block in blocks)
    fences = (DOCS / page).read_text(encoding="utf-8").count("\n```")
    assert 2 * len(blocks) == fences


def test_lines_go_where_a_title_says(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    for title, text in (
        ("a.txt", "first\n  [\n  ]\n"),
        ("a.txt, at the end", "last\n"),
        ("a.txt, after the line: [", "    inside\n"),
    ):
        page_commands.write(page_commands.Block("text", title, text, ""), tmp_path)
    assert file.read_text(encoding="utf-8") == "first\n  [\n    inside\n  ]\nlast\n"
    again = page_commands.Block("text", "a.txt, after the line: not there", "x\n", "")
    with pytest.raises(AssertionError, match="0 lines begin with 'not there'"):
        page_commands.write(again, tmp_path)
