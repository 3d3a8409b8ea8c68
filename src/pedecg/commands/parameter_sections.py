"""All parameters of every pipeline: which class reads which section, and the README's tables.

Stages do not import this module (it would tie every stage to every room); the command line and
the tests do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pedecg.benchmarks import benchmark_settings
from pedecg.cohorts import splits
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.delineator import (
    annotation_sources,
    delineation_metrics,
    record_split,
    simulated_records,
    train_network,
)
from pedecg.evaluation import ensemble
from pedecg.evaluation.compare import CompareSettings
from pedecg.evaluation.evaluate import EvaluateSettings
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.evaluation.subgroups import SubgroupSettings
from pedecg.explain.explain_settings import (
    AtlasSettings,
    ErrorReviewSettings,
    ExplainSettings,
    NormalBeatsSettings,
)
from pedecg.learning.pretrain import PretrainSettings
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import registry
from pedecg.report.report_settings import ReportSettings
from pedecg.review.label_noise import NoiseReviewSettings
from pedecg.rules import norms
from pedecg.rules.rule_features import RuleFeaturesSettings
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.simulation.cinc2017_cohort import CincSimulationSettings
from pedecg.simulation.hospital_settings import SimulationSettings
from pedecg.simulation.muse_cohort import XmlSimulationSettings
from pedecg.tabular import boosted_trees, linear, random_trees
from pedecg.tabular.rule_score import RulesSettings
from pedecg.waves.delineate import DelineateSettings

Sections = dict[str, type[Section]]
# Models that read no signal and have no file of their own in `models/`.
WITHOUT_SIGNAL: dict[str, type[Section]] = {
    linear.AGE_SEX: linear.LinearSettings,
    "rules": RulesSettings,
    linear.RULES_LINEAR: linear.LinearSettings,
    random_trees.RULES_TREES: random_trees.TreesSettings,
    boosted_trees.RULES_BOOSTED: boosted_trees.BoostedSettings,
}


class TrainRulesSettings(Section):
    """Section `train_rules`; dvc.yaml alone reads it."""

    models: list[str] = Field(description="models that read no signal")


def sections(file: Path = params.PARAMS_FILE) -> Sections:
    """Return the class of every section, in the order of ``params.yaml``."""
    known = PIPELINES.get(_pipeline(file), _paediatric)()
    return known | (_variants(file) if known.get("train") is TrainSettings else {})


def _variants(file: Path) -> Sections:
    """Return the class of each section ``models.<name>`` that the file has, by file or family."""
    models = params.read_section("models", file)
    return {
        f"models.{name}": WITHOUT_SIGNAL.get(name) or registry.settings(name, values)
        for name, values in models.items()
    }


def _paediatric() -> Sections:
    return {
        "simulate": SimulationSettings,
        "simulate_external": SimulationSettings,
        "cohort": CohortSettings,
        "external_cohort": CohortSettings,
        "ingest": IngestSettings,
        "split": splits.SplitSettings,
        "preprocess": PreprocessSettings,
        "delineate": DelineateSettings,
        "rule_features": RuleFeaturesSettings,
        "pretrain": PretrainSettings,
        "train": TrainSettings,
        "train_rules": TrainRulesSettings,
        "ensemble": ensemble.EnsembleSettings,
        **{f"models.{name}": registry.settings(name) for name in registry.names()},
        **{f"models.{name}": schema for name, schema in WITHOUT_SIGNAL.items()},
        "evaluate": EvaluateSettings,
        "compare": CompareSettings,
        "subgroups": SubgroupSettings,
        "normal_beats": NormalBeatsSettings,
        "explain": ExplainSettings,
        "error_review": ErrorReviewSettings,
        "atlas": AtlasSettings,
        "noise_review": NoiseReviewSettings,
        "external_validation": ExternalSettings,
        "report": ReportSettings,
    }


def _delineation() -> Sections:
    return {
        "simulate": simulated_records.Settings,
        "cohort": annotation_sources.Settings,
        "split": record_split.Settings,
        "train": train_network.Settings,
        "evaluate": delineation_metrics.Settings,
    }


def _arrhythmia() -> Sections:
    return {
        "simulate": CincSimulationSettings,
        "cohort": CohortSettings,
        "ingest": IngestSettings,
        "split": splits.SplitSettings,
        "preprocess": PreprocessSettings,
        "delineate": DelineateSettings,
        "rule_features": RuleFeaturesSettings,
        "train": TrainSettings,
        "train_rules": TrainRulesSettings,
        "ensemble": ensemble.EnsembleSettings,
        "evaluate": EvaluateSettings,
        "compare": CompareSettings,
        "normal_beats": NormalBeatsSettings,
        "explain": ExplainSettings,
        "error_review": ErrorReviewSettings,
        "report": ReportSettings,
    }


def _cardiotoxicity() -> Sections:
    return {
        "simulate": XmlSimulationSettings,
        "cohort": CohortSettings,
        "ingest": IngestSettings,
        "split": splits.SplitSettings,
        "preprocess": PreprocessSettings,
        "train": TrainSettings,
        "evaluate": EvaluateSettings,
        "compare": CompareSettings,
        "report": ReportSettings,
    }


def _benchmarks() -> Sections:
    return {
        "data": benchmark_settings.DataSettings,
        "delineation": benchmark_settings.DelineationSettings,
        "heart_rates": benchmark_settings.HeartRateSettings,
        "ptbxl": benchmark_settings.PtbxlSettings,
        "cinc2017": benchmark_settings.Cinc2017Settings,
        "resampling": benchmark_settings.ResamplingSettings,
    }


# The pipelines beside the root's, by the name of their folder in ``pipelines/``.
PIPELINES: dict[str, Callable[[], Sections]] = {
    "arrhythmia": _arrhythmia,
    "benchmarks": _benchmarks,
    "cardiotoxicity": _cardiotoxicity,
    "delineation": _delineation,
}


def _pipeline(file: Path) -> str:
    """Return the name of a file's pipeline; empty for the root's."""
    folder = file.resolve().parent
    return folder.name if folder.parent.name == "pipelines" else ""


@dataclass(frozen=True)
class Parameter:
    """One key of ``params.yaml``: its full name, value, type, range and what it means."""

    key: str
    value: Any
    kind: str
    bounds: str
    meaning: str


def check(file: Path = params.PARAMS_FILE) -> None:
    """Check the whole file, or raise a `PedecgError`.

    Every section is known, present and valid, and what one section names in another is there: a
    fault that a stage would find after hours is found here in seconds.
    """
    known = sections(file)
    top = dict.fromkeys(section.split(".")[0] for section in known)
    for name in params.read_file(file):
        if name not in top:
            raise PedecgError(
                f"{file.name}: unknown section {name}{params.did_you_mean(name, top)}"
            )
    for section, schema in known.items():
        params.load(section, schema, file)
    if not _pipeline(file):
        _check_names(file)


def _check_names(file: Path) -> None:
    """Check that what the root pipeline names in one section is there in another."""
    for key in ("train.models", "train.seeds", "ensemble.members"):
        if not params.read_section(key, file):
            raise PedecgError(f"{file.name}: {key} must name at least one (found [])")
    for key, found, there in _references(file):
        for name in found:
            if name not in there:
                hint = params.did_you_mean(name, there) or "; there are none"
                raise PedecgError(f"{file.name}: {key} names {name!r}{hint}")
    rule_features = params.load("rule_features", RuleFeaturesSettings, file)
    norms.load(file.parent / rule_features.limits, file.parent / rule_features.thresholds)


def _references(file: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each key that names something, what it names, and what there is to name."""
    by_rules: list[str] = params.read_section("train_rules.models", file)
    evaluated: list[str] = params.read_section("evaluate.models", file)
    external = params.load("external_validation", ExternalSettings, file)
    trained: list[str] = []
    for key, models in _by_stage().items():
        named: list[str] = params.read_section(key, file)
        yield key, named, models
        trained += named
    yield "train_rules.models", by_rules, list(WITHOUT_SIGNAL)
    members: list[str] = params.read_section("ensemble.members", file)
    yield "ensemble.members", members, [*trained, *by_rules]
    yield "evaluate.models", evaluated, [*trained, *by_rules, ensemble.NAME]
    yield "train.models (all are evaluated)", [*trained, *by_rules], evaluated
    yield "subgroups.models", params.read_section("subgroups.models", file), evaluated
    yield "noise_review.model", [params.read_section("noise_review.model", file)], registry.names()
    for section in ("explain", "atlas", "external_validation"):
        key = f"{section}.model"
        yield key, [params.read_section(key, file)], trained
    yield "external_validation.mapping", [external.mapping], list(external.mappings)


def _by_stage() -> dict[str, list[str]]:
    """Return the models that each list may name: the stage behind it declares what they read."""
    reads = {name: registry.reads(name) - {"numbers"} for name in registry.names()}  # of records
    return {
        "train.models": [name for name, inputs in reads.items() if not inputs],
        "train.pretrained_models": [n for n, inputs in reads.items() if inputs == {"pretrained"}],
        "train.fused_models": [name for name, inputs in reads.items() if "rules" in inputs],
    }


def parameters(file: Path = params.PARAMS_FILE) -> Iterator[Parameter]:
    """Yield every parameter of every section in the file's order of sections."""
    for section, schema in sections(file).items():
        yield from _describe(section, schema, params.load(section, schema, file))


def markdown(file: Path = params.PARAMS_FILE) -> str:
    """Return the parameters as a Markdown table; a section with the keys of another says so."""
    rows = [("parameter", "default", "type, range", "meaning"), ("---",) * 4]
    first: dict[type[Section], str] = {}
    for section, schema in sections(file).items():
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
        elif value is None and isinstance(field.annotation, type(Section)):
            continue  # a block that this file leaves out
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
