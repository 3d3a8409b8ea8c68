"""What a page of the documentation asks its reader to do: files to write and commands to run.

A ``sh`` block is run by bash in the root of the project. A block with a title is a file that the
reader writes, or lines that go into one. A block after ``<!-- not executed: why -->`` is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scratch import Project

_BLOCK = re.compile(
    r"^(?:<!-- not executed: (?P<why>[^\n]+?) -->\n)?"
    r"```(?P<language>\w+)(?: title=(?P<quote>[\"'])(?P<title>[^\n]+)(?P=quote))?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_AT_THE_END = ", at the end"
_AFTER = ", after the line: "
# A reader has a name that git knows; the machine that runs the tests may have none.
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "reader"), ("EMAIL", "reader@example.org"))
}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes
    ----------
    title : which file it is, or where it goes; empty: none.
    why_not : why a test cannot execute it; empty: it does.
    """

    language: str
    title: str
    text: str
    why_not: str

    @property
    def is_command(self) -> bool:
        return self.language == "sh"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in their order."""
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(found["language"], found["title"] or "", found["text"], found["why"] or "")


def follow(page: Path, project: Project) -> str:
    """Do what a page says in a project; return what its commands print.

    Raises
    ------
    AssertionError
        A command fails, or a line that text is to follow is not there exactly once.
    """
    printed = []
    for block in blocks(page):
        if block.why_not:
            continue
        if block.title:
            write(block, project.root)
        elif block.is_command:
            command = ("bash", "-euo", "pipefail", "-c", block.text)
            printed.append(project.run(*command, environment=IDENTITY))
    return "".join(printed)


def write(block: Block, root: Path) -> None:
    """Write the file that a block is, or put its lines where its title says."""
    name, after, anchor = block.title.partition(_AFTER)
    file = root / name.removesuffix(_AT_THE_END)
    if name.endswith(_AT_THE_END):
        text = file.read_text(encoding="utf-8").rstrip("\n") + "\n" + block.text
    elif after:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        same = [number for number, line in enumerate(lines) if line.rstrip() == anchor]
        begun = [number for number, line in enumerate(lines) if line.strip().startswith(anchor)]
        places = same or begun
        assert len(places) == 1, f"{name}: {len(places)} lines begin with {anchor!r}; expected one"
        text = "".join([*lines[: places[0] + 1], block.text, *lines[places[0] + 1 :]])
    else:
        assert not file.exists(), f"{name}: exists already"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = block.text
    file.write_text(text, encoding="utf-8")
