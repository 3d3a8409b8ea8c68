"""The typed, strict view on ``params.yaml``.

A section's class lives in the package that uses it and derives from `Section`; a stage loads only
the sections that ``dvc.yaml`` declares for it.
"""

import copy
import difflib
import types
import typing
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import annotated_types
import pydantic
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
)

from pedecg.core import names
from pedecg.core.errors import PedecgError

PARAMS_FILE = Path("params.yaml")

# Bounds of a YAML file; the largest of the project, a dvc.lock, has 160,000 characters, no alias.
LARGEST_YAML = 1_000_000  # characters
MOST_BRACKETS = 5_000  # reading takes their number squared; the parameters have 150
MOST_REPEATED = 10_000  # values behind aliases

_BOUNDS: tuple[tuple[type[Any], str, str], ...] = (
    (annotated_types.Gt, "gt", ">"),
    (annotated_types.Ge, "ge", "≥"),
    (annotated_types.Lt, "lt", "<"),
    (annotated_types.Le, "le", "≤"),
    (annotated_types.MinLen, "min_length", "length ≥"),
    (annotated_types.MaxLen, "max_length", "length ≤"),
)
_NAMES = {float: "number", int: "integer", str: "text", bool: "true or false", Any: "any value"}


class Section(pydantic.BaseModel):
    """Base of every section: unknown keys, loose types, NaN and infinities are refused."""

    model_config = pydantic.ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_default=True
    )


S = TypeVar("S", bound=Section)


def load(section: str, schema: type[S], file: Path = PARAMS_FILE) -> S:
    """Read one section, named by dots (``models.resnet1d``), and check it against its type.

    Raises
    ------
    PedecgError
        In one line: the file, the full key, what was expected and what was found.
    """
    return parse(read_section(section, file), section, schema, file.name)


def parse(values: Any, section: str, schema: type[S], source: str) -> S:
    """Check values that stand for a section; `source` names where they came from in messages."""
    if not isinstance(values, dict):
        raise PedecgError(f"{source}: section {section} must hold keys (found {values!r})")
    try:
        return schema.model_validate(values)
    except pydantic.ValidationError as error:
        raise PedecgError(f"{source}: {_first_fault(error, section, schema)}") from None


def read_section(section: str, file: Path = PARAMS_FILE) -> Any:
    """Return the plain values of a section, a dotted path into the file."""
    values = read_file(file)
    walked: list[str] = []
    for key in section.split("."):
        if not isinstance(values, dict) or key not in values:
            hint = did_you_mean(key, list(values) if isinstance(values, dict) else [])
            raise PedecgError(f"{file.name}: {'.'.join([*walked, key])} is missing{hint}")
        walked.append(key)
        values = values[key]
    return values


def read_file(file: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read the whole file as plain values (YAML 1.2, so that 1e-4 is a number)."""
    values = read_yaml(file)
    if not isinstance(values, dict):
        raise PedecgError(f"{file.name}: must hold sections (found {_shorten(values)})")
    return values


def read_yaml(file: Path) -> Any:
    """Return the plain values of any YAML file of bounded size, depth and repetition.

    Raises
    ------
    PedecgError
        In one line: the file is absent, not UTF-8, no YAML, nested without end, or larger than a
        file that people write. An alias (``*name``) repeats a value at no cost: a few lines
        can stand for billions of values, so that a file may repeat `MOST_REPEATED` at most.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise PedecgError(f"{file.name}: not found in {file.parent.resolve()}") from None
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#x} at {error.start}"
        raise PedecgError(f"{file.name}: not UTF-8 ({found}); save it as UTF-8") from None
    if len(text) > LARGEST_YAML:
        raise PedecgError(
            f"{file.name}: {len(text)} characters; expected at most {LARGEST_YAML} of parameters"
        )
    brackets = text.count("[") + text.count("{")
    if brackets > MOST_BRACKETS:
        raise PedecgError(f"{file.name}: {brackets} brackets; expected at most {MOST_BRACKETS}")
    try:
        if "&" in text and "*" in text:  # counting takes as long as reading
            _check_aliases(text, file.name)
        return copy.deepcopy(_parsed(text))
    except RecursionError:
        raise PedecgError(f"{file.name}: not valid YAML: values nested too deeply") from None
    except (YAMLError, ValueError) as error:
        raise PedecgError(f"{file.name}: not valid YAML: {_one_line(str(error))}") from None


def _check_aliases(text: str, source: str) -> None:
    """Refuse aliases that stand for too many values.

    The events of the file are counted; nothing is built. The number of values behind an anchor
    includes those behind the aliases in it.
    """
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[str | None, int]] = []
    total = repeated = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, AliasEvent):
            size = sizes.get(event.anchor, 0)
            total, repeated = total + size, repeated + size
        elif isinstance(event, NodeEvent):
            total += 1
            if isinstance(event, CollectionStartEvent):
                open_anchors.append((event.anchor, total))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, CollectionEndEvent):
            anchor, start = open_anchors.pop()
            if anchor:
                sizes[anchor] = total - start + 1
        if repeated > MOST_REPEATED:
            raise PedecgError(f"{source}: its aliases repeat more than {MOST_REPEATED} values")


@lru_cache(maxsize=4)  # a stage reads several sections of one file, and parsing takes 0.1 s
def _parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def kind(annotation: Any) -> str:
    """Say a type in words, as a reader of YAML knows it: number, text, list of integer, a or b."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(map(str, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join("null" if part is type(None) else kind(part) for part in inner)
    if origin is typing.Annotated:
        return kind(inner[0])
    if origin in (list, tuple, dict):
        return f"{origin.__name__} of {kind(inner[-1])}"
    return _NAMES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def bounds(field: FieldInfo) -> str:
    """Say the range of a number (``> 0, ≤ 1``), or nothing where it has none."""
    return ", ".join(
        f"{sign} {getattr(constraint, attribute):g}"
        for constraint in field.metadata
        for of, attribute, sign in _BOUNDS
        if isinstance(constraint, of)
    )


def _first_fault(error: pydantic.ValidationError, section: str, schema: type[Section]) -> str:
    """Say the first fault of a validation in one line; unknown keys come first."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    owner, field, depth = _locate(fault["loc"], schema)
    place = ".".join(map(str, (section, *fault["loc"][: depth + (field is not None)])))
    if fault["type"] == "extra_forbidden":
        key = str(fault["loc"][-1])
        return f"unknown key {place}.{key}{did_you_mean(key, owner.model_fields)}"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "value_error":
        # A validator of a whole section names its own key and what it found.
        return f"{place}{' ' if field else '.'}{fault['ctx']['error']}"
    wanted = f"{kind(field.annotation)} {bounds(field)}" if field else "a section of keys"
    return f"{place} must be {wanted.strip()} (found {_shorten(fault.get('input'))})"


def _locate(
    location: tuple[int | str, ...], schema: type[Section]
) -> tuple[type[Section], FieldInfo | None, int]:
    """Follow a fault's location: the innermost section, its field, and how many keys lie above."""
    depth = 0
    while depth < len(location):
        field = schema.model_fields.get(str(location[depth]))
        if field is None:
            return schema, None, depth
        inner, keys = field.annotation, 1
        if typing.get_origin(inner) in (dict, list):  # of sections: one more key or number
            inner, keys = typing.get_args(inner)[-1], 2
        below = depth + keys
        if not (isinstance(inner, type) and issubclass(inner, Section)) or below >= len(location):
            return schema, field, depth
        schema, depth = inner, below
    return schema, None, depth


def did_you_mean(key: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown key: the nearest known one, or all of them."""
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(known)}" if known else ""


def _one_line(text: str) -> str:
    return names.visible(" ".join(text.split()))


def _shorten(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
