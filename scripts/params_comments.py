"""The comments behind the keys of a params.yaml, generated from the settings classes.

    python scripts/params_comments.py [--check] [FILE ...]

A parameter is explained once: by the description of its field, which `pedecg params` and the
documentation show, too. This script writes it behind the key, as ``key: value  # range; meaning``.
A key that a section of the same class explains further up has no comment. Values, comments on lines
of their own and comments of blocks stay as they are: why a value was chosen for one pipeline stands
on a line above its key. Without FILE: the root's params.yaml and those of all pipelines.
"""

import argparse
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from pedecg.commands import parameter_sections
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section

ROOT = Path(__file__).resolve().parents[1]
COLUMN = 26  # of a comment; behind a longer value, two spaces
NO_VALUE = re.compile(r"\s*(#.*)?")
SAME_LENGTH = re.compile(r"length ≥ (\d+), length ≤ \1")


def files() -> list[Path]:
    """Return the params.yaml of the root and of each pipeline."""
    return [ROOT / "params.yaml", *sorted(ROOT.glob("pipelines/*/params.yaml"))]


def commented(file: Path) -> str:
    """Return the text of a params.yaml with the comment of every key made anew.

    Raises
    ------
    PedecgError
        In one line: the file is no valid params.yaml.
    """
    parameter_sections.check(file)
    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")
    root = YAML().compose(text)
    explained: set[tuple[type[Section], str]] = set()
    for section, schema in parameter_sections.sections(file).items():
        owner = typing.cast(type[Section], schema.__base__) if _is_variant(schema) else schema
        for path, line, column, field in _keys(_inner(root, section), schema):
            if NO_VALUE.fullmatch(lines[line][column:]):
                again = (owner, path) in explained
                comment = "" if again else _comment(field)
                lines[line] = _behind(lines[line][:column], comment)
                explained.add((owner, path))
    return "\n".join(lines)


def _is_variant(schema: type[Section]) -> bool:
    """Tell whether a section is a variant of a family, whose class derives from the family's."""
    return "family" in schema.model_fields


def _inner(node: Node, section: str) -> Node:
    """Return the node of a section, a dotted path."""
    for name in section.split("."):
        node = next(value for key, value in node.value if key.value == name)
    return node


def _keys(
    node: Node, schema: type[Section], prefix: str = ""
) -> Iterator[tuple[str, int, int, FieldInfo]]:
    """Yield path, line, column behind the value, and field of each parameter of a section."""
    for key, value in node.value:
        field = schema.model_fields[key.value]
        inner = _section_of(field.annotation)
        if inner and isinstance(value, MappingNode):
            yield from _keys(value, inner, f"{prefix}{key.value}.")
        elif isinstance(value.value, list) and not value.flow_style:
            yield f"{prefix}{key.value}", key.end_mark.line, key.end_mark.column + 1, field
        else:
            yield f"{prefix}{key.value}", value.end_mark.line, value.end_mark.column, field


def _section_of(annotation: Any) -> type[Section] | None:
    """Return the class of a block of parameters, or none for a parameter (a list, a table)."""
    if typing.get_origin(annotation) in (dict, list):
        return None
    parts = typing.get_args(annotation) or (annotation,)
    return next((p for p in parts if isinstance(p, type) and issubclass(p, Section)), None)


def _comment(field: FieldInfo) -> str:
    """Return range or choices and the description of a parameter."""
    meaning = field.description or ""
    choices = _choices(field.annotation)
    # A description that explains each choice names them all.
    explained = all(re.search(rf"(^|[;,] ){choice}[:,]", meaning) for choice in choices)
    bounds = SAME_LENGTH.sub(r"length \1", params.bounds(field))
    parts = ("" if explained else " | ".join(choices), bounds, meaning)
    return "; ".join(part for part in parts if part)


def _choices(annotation: Any) -> list[str]:
    """Return the values to choose from, also those of the items of a list; else nothing."""
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return list(map(str, inner))
    choices = next(filter(None, map(_choices, inner)), [])
    return [*choices, "null"] if choices and type(None) in inner else choices


def _behind(code: str, comment: str) -> str:
    """Return a line of code with its comment."""
    code = code.rstrip()
    if not comment:
        return code
    start = code.ljust(COLUMN) if len(code) < COLUMN - 1 else f"{code}  "
    return f"{start}# {comment}"


def main(arguments: list[str] | None = None) -> None:
    """Write the comments of the files; with `--check` list the files whose comments differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument("file", nargs="*", type=Path, help="params.yaml files; default: all")
    options = parser.parse_args(arguments)
    stale = []
    for file in options.file or files():
        try:
            new = commented(file)
        except PedecgError as error:
            sys.exit(str(error))
        if new == file.read_text(encoding="utf-8"):
            continue
        stale.append(file)
        if not options.check:
            file.write_text(new, encoding="utf-8", newline="\n")
    if options.check and stale:
        listed = ", ".join(map(str, stale))
        sys.exit(f"{listed}: comments differ from the descriptions; run scripts/params_comments.py")


if __name__ == "__main__":
    main()
