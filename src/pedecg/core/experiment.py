"""The models and seeds of a run: section ``experiment`` of params.yaml.

Every stage after the training takes its models from here. What the stages need to know of a model
(what it reads, whether it is a reference) is written once per run, by stage ``model_inputs``, so
that they need not import the models.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import Field, field_validator

from pedecg.core import params, tables
from pedecg.core.errors import PedecgError

ENSEMBLE = "ensemble"  # the name of the model that averages others
MODELS_FILE = Path("data/run_models.json")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ExperimentSettings(params.Section):
    """Section `experiment`."""

    models: list[str] = Field(
        description="models of the run, keys of `models`; each is trained, evaluated and compared",
        min_length=1,
    )
    seeds: list[int] = Field(
        description="one training of every model per seed; whole numbers from 0", min_length=1
    )
    continued_models: list[str] = Field(
        [], description="models that start from another training of the same run (`cnn_from`)"
    )

    @field_validator("models", "continued_models")
    @classmethod
    def _names(cls, models: list[str]) -> list[str]:
        if len(set(models)) < len(models):
            raise ValueError(f"must name every model once (found {models})")
        # A name is part of a shell command and of a path.
        wrong = [name for name in models if not _NAME.fullmatch(name) or name == ENSEMBLE]
        if wrong:
            raise ValueError(
                f"must be letters, digits and underscores, and not {ENSEMBLE} (found {wrong[0]!r})"
            )
        return models

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, seeds: list[int]) -> list[int]:
        if min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError(f"must be whole numbers from 0, each once (found {seeds})")
        return seeds


class _Seeds(params.Section):
    seeds: list[int] = Field(min_length=1)


def seeds() -> list[int]:
    """Return ``experiment.seeds``, and read no other key of that section."""
    values = {"seeds": params.read_section("experiment.seeds")}
    return params.parse(values, "experiment", _Seeds, params.PARAMS_FILE.name).seeds


@dataclass(frozen=True)
class RunModel:
    """One model of a run.

    Attributes
    ----------
    reads : what it reads of a record, as the registry of models names it.
    reference : a reference model, by default no member of the ensemble.
    """

    name: str
    reads: tuple[str, ...]
    reference: bool

    @property
    def is_network(self) -> bool:
        """Whether it reads signals."""
        return "signals" in self.reads


@dataclass(frozen=True)
class RunModels:
    """All models of a run.

    Attributes
    ----------
    models : those that are trained, in the order of the parameters.
    members : names of the models that the ensemble averages; empty where there is no ensemble.
    """

    models: tuple[RunModel, ...]
    members: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Return the names of all models that are evaluated, the ensemble last."""
        return [model.name for model in self.models] + [ENSEMBLE] * bool(self.members)

    @property
    def networks(self) -> list[RunModel]:
        """Return the models that read signals."""
        return [model for model in self.models if model.is_network]

    @property
    def baselines(self) -> list[str]:
        """Return the models that read no signals: what a network adds is measured against them."""
        return [model.name for model in self.models if not model.is_network]

    def candidates(self, section: str) -> list[str]:
        """Return the models that can serve `explain` or `external_validation`."""
        unread = {"numbers"} | ({"rules"} if section == "external_validation" else set())
        return [model.name for model in self.networks if not unread & set(model.reads)]

    def write(self, path: Path = MODELS_FILE) -> None:
        """Write them as JSON."""
        about = {"models": [asdict(model) for model in self.models], "members": self.members}
        tables.write_text(json.dumps(about, indent=1) + "\n", path)


def read_models(path: Path = MODELS_FILE) -> RunModels:
    """Read the models of the run, as `RunModels.write` wrote them.

    Raises
    ------
    PedecgError
        Stage model_inputs has not run.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; stage model_inputs writes it") from None
    models = tuple(
        RunModel(entry["name"], tuple(entry["reads"]), entry["reference"])
        for entry in about["models"]
    )
    return RunModels(models, tuple(about["members"]))
