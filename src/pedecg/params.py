"""The typed, strict view on ``params.yaml``.

A section's class lives in the room that uses it and derives from `Section`; a stage loads only
the sections that ``dvc.yaml`` declares for it.
"""

import difflib
import math
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pedecg.errors import PedecgError

PARAMS_FILE = Path("params.yaml")


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
            hint = _did_you_mean(key, list(values) if isinstance(values, dict) else [])
            raise PedecgError(f"{file.name}: {'.'.join([*walked, key])} is missing{hint}")
        walked.append(key)
        values = values[key]
    return values


def read_file(file: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read the whole file as plain values (YAML 1.2, so that 1e-4 is a number)."""
    try:
        values = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found in {Path.cwd()}") from None
    except YAMLError as error:
        raise PedecgError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise PedecgError(f"{file}: must hold sections (found {values!r})")
    return values


def _first_fault(error: pydantic.ValidationError, section: str, schema: type[Section]) -> str:
    """Say the first fault of a validation in one line; unknown keys come first."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    place = ".".join(map(str, (section, *_keys_only(fault["loc"], schema))))
    found = _shorten(fault.get("input"))
    if fault["type"] == "extra_forbidden":
        known = _known_keys(schema, fault["loc"][:-1])
        return f"unknown key {place}{_did_you_mean(str(fault['loc'][-1]), known)}"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "value_error":
        return f"{place} {fault['ctx']['error']}"
    expected = fault["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"{place} must be {expected} (found {found})"


def _keys_only(location: tuple[int | str, ...], schema: type[Section]) -> tuple[int | str, ...]:
    """Drop the names that pydantic adds for members of a union: they are no keys of the file."""
    return tuple(part for part in location if isinstance(part, int) or not _is_type_name(part))


def _is_type_name(part: str) -> bool:
    return "[" in part or part in {"int", "float", "str", "bool", "none", "list", "tuple"}


def _known_keys(schema: type[Section], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the (nested) section that a location points to."""
    for part in location:
        inner = schema.model_fields.get(str(part))
        annotation = inner.annotation if inner else None
        if not (isinstance(annotation, type) and issubclass(annotation, Section)):
            return []
        schema = annotation
    return list(schema.model_fields)


def _did_you_mean(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known keys are {', '.join(known)}" if known else ""


def _shorten(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
