"""All parameters: which class reads which section, and the table that the README shows.

Stages do not import this module (it would tie every stage to every room); the command line and
the tests do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedecg import params
from pedecg.errors import PedecgError
from pedecg.params import Section

SECTIONS: dict[str, type[Section]] = {}


@dataclass(frozen=True)
class Parameter:
    """One key of ``params.yaml``: its full name, value, type, range and what it means."""

    key: str
    value: Any
    kind: str
    bounds: str
    meaning: str


def check(file: Path = params.PARAMS_FILE) -> None:
    """Check the whole file: every section is known, present and valid; else a `PedecgError`."""
    top = {section.split(".")[0] for section in SECTIONS}
    for name in params.read_file(file):
        if name not in top:
            raise PedecgError(
                f"{file.name}: unknown section {name}{params.did_you_mean(name, top)}"
            )
    for section, schema in SECTIONS.items():
        params.load(section, schema, file)


def parameters(file: Path = params.PARAMS_FILE) -> Iterator[Parameter]:
    """Yield every parameter of every section in the file's order of sections."""
    for section, schema in SECTIONS.items():
        yield from _describe(section, schema, params.load(section, schema, file))


def markdown(file: Path = params.PARAMS_FILE) -> str:
    """Return the parameters as a Markdown table."""
    lines = ["| parameter | default | type, range | meaning |", "|---|---|---|---|"]
    for p in parameters(file):
        kind = f"{p.kind}, {p.bounds}" if p.bounds else p.kind
        cells = (f"`{p.key}`", f"`{_plain(p.value)}`", kind, p.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _describe(prefix: str, schema: type[Section], values: Section) -> Iterator[Parameter]:
    for name, field in schema.model_fields.items():
        key, value = f"{prefix}.{name}", getattr(values, name)
        if isinstance(value, Section):
            yield from _describe(key, type(value), value)
        else:
            kind, bounds = params.kind(field.annotation), params.bounds(field)
            yield Parameter(key, value, kind, bounds, field.description or "")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_plain(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return "null" if value is None else str(value)
