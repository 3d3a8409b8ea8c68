"""All parameters of every pipeline: the class of each section, checks and tables.

Stages do not import this module (it would tie every stage to every package); the command line and
the tests do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedecg.benchmarks import benchmark_settings
from pedecg.cohorts import cohort_settings, splits
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.label_decisions import LabelSettings
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import names, params
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ExperimentSettings
from pedecg.core.params import Section
from pedecg.delineator import (
    annotation_sources,
    delineation_metrics,
    record_split,
    simulated_records,
    train_network,
)
from pedecg.evaluation import ensemble
from pedecg.evaluation.evaluate import EvaluateSettings
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.evaluation.goals import GoalSettings
from pedecg.evaluation.prediction_sets import SetSettings
from pedecg.evaluation.subgroups import SubgroupSettings
from pedecg.evaluation.training_distance import DistanceSettings
from pedecg.explain.explain_settings import (
    AtlasSettings,
    ErrorReviewSettings,
    ExplainSettings,
    NormalBeatsSettings,
)
from pedecg.explain.finding_contributions import FindingSettings
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import model_settings, registry, run_check
from pedecg.models.network_base import SharedTrunkSettings
from pedecg.report.report_settings import ReportSettings
from pedecg.review.label_noise import NoiseReviewSettings
from pedecg.rules import norms, own_centiles
from pedecg.rules.rule_features import RuleFeaturesSettings
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.simulation.cinc2017_cohort import CincSimulationSettings
from pedecg.simulation.hospital_settings import SimulationSettings
from pedecg.simulation.muse_cohort import XmlSimulationSettings
from pedecg.waves.delineate import DelineateSettings

Sections = dict[str, type[Section]]


# The class of each section, by its name in params.yaml.
SECTIONS: Sections = {
    "cohort": CohortSettings,
    "experiment": ExperimentSettings,
    "train": TrainSettings,
    "trunk": SharedTrunkSettings,
    "models": Section,  # see `_models`
    "labels": LabelSettings,
    "pretrain": PretrainSettings,
    "ensemble": ensemble.EnsembleSettings,
    "ingest": IngestSettings,
    "split": splits.SplitSettings,
    "preprocess": PreprocessSettings,
    "delineate": DelineateSettings,
    "rule_features": RuleFeaturesSettings,
    "norms": own_centiles.NormsSettings,
    "evaluate": EvaluateSettings,
    "goals": GoalSettings,
    "prediction_sets": SetSettings,
    "training_distance": DistanceSettings,
    "subgroups": SubgroupSettings,
    "normal_beats": NormalBeatsSettings,
    "explain": ExplainSettings,
    "explain_findings": FindingSettings,
    "error_review": ErrorReviewSettings,
    "atlas": AtlasSettings,
    "noise_review": NoiseReviewSettings,
    "external_cohorts": CohortSettings,  # of each one, see `_external_cohorts`
    "external_validation": ExternalSettings,
    "simulate": SimulationSettings,
    "simulate_external": SimulationSettings,
    "report": ReportSettings,
}
_TRAINED = ("cohort", "experiment", "train", "models", "labels", "ingest", "split", "preprocess",
            "evaluate", "goals", "simulate", "report")  # fmt: skip
_MEASURED = ("ensemble", "delineate", "rule_features", "normal_beats", "explain", "error_review")


def _some(names: Iterable[str], **others: type[Section]) -> Sections:
    """Return some sections in the order of `SECTIONS`, those of other classes replaced."""
    return {n: others.get(n, schema) for n, schema in SECTIONS.items() if n in {*names, *others}}


# The pipelines besides the root's with sections of their own, and sections that they must have, by
# the name of their folder in ``pipelines/``. Others need no entry.
PIPELINES: dict[str, Sections] = {
    "arrhythmia": _some((*_TRAINED, *_MEASURED), simulate=CincSimulationSettings),
    "cardiotoxicity": _some(_TRAINED, simulate=XmlSimulationSettings),
    "delineation": {
        "simulate": simulated_records.Settings,
        "cohort": annotation_sources.Settings,
        "split": record_split.Settings,
        "train": train_network.Settings,
        "evaluate": delineation_metrics.Settings,
    },
    "benchmarks": {
        "data": benchmark_settings.DataSettings,
        "delineation": benchmark_settings.DelineationSettings,
        "heart_rates": benchmark_settings.HeartRateSettings,
        "ptbxl": benchmark_settings.PtbxlSettings,
        "cinc2017": benchmark_settings.Cinc2017Settings,
        "resampling": benchmark_settings.ResamplingSettings,
    },
}


def sections(file: Path = params.PARAMS_FILE) -> Sections:
    """Return the class of every section; each model's is ``models.<name>``.

    A pipeline that `PIPELINES` does not name has those of `SECTIONS` that its file holds.
    """
    pipeline = _pipeline(file)
    known = PIPELINES.get(pipeline) or (_some(params.read_file(file)) if pipeline else SECTIONS)
    found: Sections = {}
    for name, schema in known.items():
        if name in _BY_NAME:
            found |= _BY_NAME[name](file)
        else:
            found[name] = schema
    return found


def _models(file: Path) -> Sections:
    """Return the class of each section ``models.<name>`` that the file has, by file or family."""
    models = params.read_section("models", file)
    if not isinstance(models, dict):
        raise PedecgError(f"{file.name}: section models must hold keys (found {models!r})")
    return {f"models.{name}": registry.settings(name, values) for name, values in models.items()}


def _external_cohorts(file: Path) -> Sections:
    """Return the class of each section ``external_cohorts.<name>`` that the file has."""
    cohorts = params.read_section("external_cohorts", file)
    if not isinstance(cohorts, dict) or not cohorts:
        raise PedecgError(
            f"{file.name}: section external_cohorts must hold cohorts by name (found {cohorts!r})"
        )
    for name in cohorts:
        why = names.fault(name) or ("holds a dot" if "." in name else None)
        if why:
            raise PedecgError(
                f"{file.name}: external_cohorts must have names that can be part of a file name "
                f"(found {name!r}: {why})"
            )
    return {f"external_cohorts.{name}": CohortSettings for name in cohorts}


# Sections whose keys are names of the user.
_BY_NAME = {"models": _models, "external_cohorts": _external_cohorts}


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

    @property
    def default(self) -> str:
        """The value as YAML would write it on one line."""
        return _plain(self.value)


def load(section: str, schema: type[Section], file: Path) -> Section:
    """Read one section and check it; values from other sections are inserted."""
    values = params.read_file(file)
    name = section.removeprefix("models.")
    if name != section:
        return params.parse(
            model_settings.complete(name, values, file.name), section, schema, file.name
        )
    if schema is CohortSettings:
        return cohort_settings.load(section, file)
    return params.load(section, schema, file)


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
        load(section, schema, file)
    if "experiment" in known:
        _check_run(file)


def _check_run(file: Path) -> None:
    """Check that the models and files that sections name fit together."""
    values = params.read_file(file)
    run_check.check(
        values, file.name, rules="rule_features" in values, pretraining="pretrain" in values
    )
    if "external_validation" in values:
        external = params.load("external_validation", ExternalSettings, file)
        place = f"{file.name}: external_validation.mapping"
        for cohort in values["external_cohorts"]:
            external.chosen(cohort, ())
        for cohort in external.mapping:
            if cohort not in values["external_cohorts"]:
                hint = params.did_you_mean(cohort, values["external_cohorts"])
                raise PedecgError(f"{place}.{cohort}: no such external cohort{hint}")
    if "rule_features" in values:
        rule_features = params.load("rule_features", RuleFeaturesSettings, file)
        norms.load(file.parent / rule_features.limits, file.parent / rule_features.thresholds)


def parameters(file: Path = params.PARAMS_FILE) -> Iterator[Parameter]:
    """Yield every parameter of every section; of a model those that its own section names."""
    for section, schema in sections(file).items():
        yield from described(section, schema, file)


def markdown(file: Path = params.PARAMS_FILE) -> str:
    """Return the parameters as a Markdown table; a section with the keys of another says so."""
    rows = [("parameter", "default", "type, range", "meaning"), ("---",) * 4]
    first: dict[type[Section], str] = {}
    for section, schema in sections(file).items():
        if schema in first:
            rows.append((f"`{section}.…`", "", "", f"the keys of `{first[schema]}`"))
            continue
        first[schema] = section
        for p in described(section, schema, file):
            kind = f"{p.kind}, {p.bounds}" if p.bounds else p.kind
            rows.append((f"`{p.key}`", f"`{p.default}`", kind, p.meaning))
    return "".join(f"| {' | '.join(c.replace('|', '/') for c in row)} |\n" for row in rows)


def described(section: str, schema: type[Section], file: Path) -> Iterator[Parameter]:
    """Yield the parameters of one section, without those of `trunk` that it does not name."""
    named = params.read_section(section, file)
    for parameter in _describe(section, schema, load(section, schema, file)):
        *path, key = parameter.key.removeprefix(f"{section}.").split(".")
        inner = named
        for part in path:
            inner = inner.get(part) or {}
        inherits = section.startswith("models.") and key in SharedTrunkSettings.model_fields
        if key in inner or not inherits:
            yield parameter


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
    if isinstance(value, Section):
        return _plain(dict(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_plain(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return "null" if value is None else str(value)
