"""Check before any training that the models named in the sections fit together."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ENSEMBLE, ExperimentSettings
from pedecg.core.run_models import OPTIONAL, RunModel, RunModels
from pedecg.models import model_settings, registry
from pedecg.models.model_settings import CONTINUES


def check(values: Mapping[str, Any], source: str, *, rules: bool, pretraining: bool) -> RunModels:
    """Return the models of a run.

    Parameters
    ----------
    values : the sections of a parameter file. Those that are absent are not part of the pipeline.
    source : name of the file, for messages.
    rules, pretraining : whether the pipeline makes rule features and pre-trained weights.

    Raises
    ------
    PedecgError
        In one line: which parameter contradicts which.
    """
    run = params.parse(values.get("experiment"), "experiment", ExperimentSettings, source)
    available = {"rules": rules, "pretrained": pretraining}
    models = [
        *_models(values, source, "models", run.models, available),
        *_models(values, source, "continued_models", run.continued_models, available),
    ]
    _check_continued(values, source, run)
    members = _members(values, source, models[: len(run.models)])
    found = RunModels(tuple(models), tuple(members))
    for fault in _consumers(values, found, source):
        raise PedecgError(f"{source}: {fault}")
    return found


def _models(
    values: Mapping[str, Any],
    source: str,
    key: str,
    names: list[str],
    available: Mapping[str, bool],
) -> Iterator[RunModel]:
    """Yield the models of one list; every one has a section and inputs that the pipeline makes."""
    sections: Mapping[str, Any] = values.get("models") or {}
    for name in names:
        if name not in sections:
            hint = params.did_you_mean(name, sections)
            raise PedecgError(f"{source}: experiment.{key} names {name!r}{hint}")
        settings = model_settings.complete(name, values, source)
        reads = registry.reads(name, settings)
        continues = bool(settings.get(CONTINUES))
        if continues != (key == "continued_models"):
            right = "continued_models" if continues else "models"
            raise PedecgError(
                f"{source}: experiment.{key} names {name!r}; it belongs to experiment.{right}, "
                f"since models.{name}.{CONTINUES} is {settings.get(CONTINUES)!r}"
            )
        for needed, there in available.items():
            if needed in reads and not there and not (needed == "pretrained" and continues):
                made = {"rules": "rule features", "pretrained": "pre-trained weights"}[needed]
                raise PedecgError(
                    f"{source}: experiment.{key} names {name!r}, which reads {made}; "
                    "this pipeline makes none"
                )
        yield RunModel(
            name, tuple(sorted(reads)), registry.is_reference(name, settings),
            registry.is_network(name, settings),
        )  # fmt: skip


def _check_continued(values: Mapping[str, Any], source: str, run: ExperimentSettings) -> None:
    """Check that each continued model starts from a training of this run."""
    both = sorted(set(run.models) & set(run.continued_models))
    if both:
        raise PedecgError(f"{source}: {both[0]!r} is in experiment.models and in continued_models")
    trainings = {f"models/{name}/seed{seed}" for name in run.models for seed in run.seeds}
    for name in run.continued_models:
        start = str(model_settings.complete(name, values, source)[CONTINUES])
        if PurePosixPath(start).as_posix() not in trainings:
            raise PedecgError(
                f"{source}: models.{name}.{CONTINUES} is {start!r}, no training of this run"
                f"{params.did_you_mean(start, sorted(trainings))}"
            )


def _members(values: Mapping[str, Any], source: str, models: list[RunModel]) -> list[str]:
    """Return the members of the ensemble; null: all that are no reference."""
    if ENSEMBLE not in values:
        return []
    members = values[ENSEMBLE].get("members")
    if members is None:
        found = [model.name for model in models if not model.reference]
        if not found:
            raise PedecgError(
                f"{source}: experiment.models names reference models alone: the ensemble, which by "
                "default leaves them out, would have no member"
            )
        return found
    names = [model.name for model in models]
    _check_listed(f"{ENSEMBLE}.members", members, names, source)
    return list(members)


def _check_listed(key: str, listed: Any, names: list[str], source: str) -> None:
    """Check a list of models: not empty, each once, all of the run."""
    if not isinstance(listed, list) or not listed:
        raise PedecgError(f"{source}: {key} must be null or name at least one (found {listed!r})")
    if len(set(map(str, listed))) < len(listed):
        raise PedecgError(f"{source}: {key} must name every model once (found {listed})")
    for name in listed:
        if name not in names:
            hint = params.did_you_mean(str(name), names)
            raise PedecgError(f"{source}: {key} names {name!r}, which is not in the run{hint}")


def _consumers(values: Mapping[str, Any], run: RunModels, source: str) -> Iterator[str]:
    """Yield a fault for each later stage that no model, or not the named one, can serve."""
    kinds = {
        "explain": "a network that reads no further numbers of a manifest",
        "explain_findings": "a model of rule features that reads no signals",
        "external_validation": "a model that reads no further numbers of a manifest",
    }
    for section, kind in kinds.items():
        if section not in values:
            continue
        able, model = run.candidates(section), values[section].get("model")
        if not able and section in OPTIONAL:
            continue
        if not able:
            yield f"experiment.models names no model that {section} can use: {kind}"
        elif model is not None and model not in able:
            hint = params.did_you_mean(str(model), able)
            yield f"{section}.model names {model!r}; it must be {kind} of the run{hint}"
    if values.get("explain", {}).get("map") == "attention":
        yield from _attention(values, source)
    if "subgroups" in values and values["subgroups"].get("models") is not None:
        _check_listed("subgroups.models", values["subgroups"]["models"], run.names, source)
    if "noise_review" in values:
        yield from _noise_review(values, source)


def _attention(values: Mapping[str, Any], source: str) -> Iterator[str]:
    model = values["explain"].get("model")
    pools = model and model_settings.complete(model, values, source).get("pooling")
    if pools != "attention":
        yield "explain.map is attention: explain.model must name a model that pools by attention"


def _noise_review(values: Mapping[str, Any], source: str) -> Iterator[str]:
    model = values["noise_review"].get("model")
    sections = values.get("models") or {}
    if model not in sections:
        yield f"noise_review.model names {model!r}{params.did_you_mean(str(model), sections)}"
        return
    settings = model_settings.complete(model, values, source)
    if "pretrained" in registry.reads(model, settings):
        yield f"noise_review.model names {model!r}; it must read no pre-trained weights"


def prepared(run: RunModels, values: Mapping[str, Any]) -> list[str]:
    """Return the models whose inputs are prepared: those of the run, and that of noise_review."""
    names = [model.name for model in run.models]
    reviewer = values.get("noise_review", {}).get("model")
    return list(dict.fromkeys([*names, *([reviewer] if reviewer else [])]))
