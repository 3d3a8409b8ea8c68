"""All parameters: which class reads which section, and the table that the README shows.

Stages do not import this module (it would tie every stage to every room); the command line and
the tests do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pedecg import ingest, params, splits
from pedecg.cohorts.settings import CohortSettings
from pedecg.errors import PedecgError
from pedecg.evaluation.evaluate import EvaluateSettings
from pedecg.evaluation.external import ExternalSettings
from pedecg.learning.settings import TrainSettings
from pedecg.models import registry
from pedecg.params import Section
from pedecg.review.noise import NoiseReviewSettings
from pedecg.rules.baseline import RulesSettings
from pedecg.rules.features import RuleFeaturesSettings
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.simulation.settings import SimulationSettings
from pedecg.waves.delineate import DelineateSettings


class TrainRulesSettings(Section):
    """Section `train_rules`; dvc.yaml alone reads it."""

    models: list[str] = Field(description="models that read rule features and no signal")


def sections() -> dict[str, type[Section]]:
    """Return the class of every section, in the order of ``params.yaml``."""
    return {
        "simulate": SimulationSettings,
        "simulate_external": SimulationSettings,
        "cohort": CohortSettings,
        "external_cohort": CohortSettings,
        "ingest": ingest.IngestSettings,
        "split": splits.SplitSettings,
        "preprocess": PreprocessSettings,
        "delineate": DelineateSettings,
        "rule_features": RuleFeaturesSettings,
        "train": TrainSettings,
        "train_rules": TrainRulesSettings,
        **{f"models.{name}": registry.settings(name) for name in registry.names()},
        "models.rules": RulesSettings,
        "evaluate": EvaluateSettings,
        "noise_review": NoiseReviewSettings,
        "external_validation": ExternalSettings,
    }


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
    known = sections()
    top = {section.split(".")[0] for section in known}
    for name in params.read_file(file):
        if name not in top:
            raise PedecgError(
                f"{file.name}: unknown section {name}{params.did_you_mean(name, top)}"
            )
    for section, schema in known.items():
        params.load(section, schema, file)


def parameters(file: Path = params.PARAMS_FILE) -> Iterator[Parameter]:
    """Yield every parameter of every section in the file's order of sections."""
    for section, schema in sections().items():
        yield from _describe(section, schema, params.load(section, schema, file))


def markdown(file: Path = params.PARAMS_FILE) -> str:
    """Return the parameters as a Markdown table; a section with the keys of another says so."""
    rows = [("parameter", "default", "type, range", "meaning"), ("---",) * 4]
    first: dict[type[Section], str] = {}
    for section, schema in sections().items():
        if schema in first:
            rows.append((f"`{section}.…`", "", "", f"the keys of `{first[schema]}`"))
            continue
        first[schema] = section
        for p in _describe(section, schema, params.load(section, schema, file)):
            kind = f"{p.kind}, {p.bounds}" if p.bounds else p.kind
            rows.append((f"`{p.key}`", f"`{_plain(p.value)}`", kind, p.meaning))
    return "".join(f"| {' | '.join(c.replace('|', '/') for c in row)} |\n" for row in rows)


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
