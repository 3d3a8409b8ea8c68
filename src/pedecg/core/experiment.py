"""The models and seeds of a run: section ``experiment`` of params.yaml."""

import re

from pydantic import Field, field_validator

from pedecg.core import names, params

ENSEMBLE = "ensemble"  # the name of the model that averages others
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
        # A name is part of a path.
        wrong = [name for name in models if not is_model_name(name) or name == ENSEMBLE]
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


def is_model_name(text: str) -> bool:
    """Return whether a text can be the name of a model."""
    return _NAME.fullmatch(text) is not None and len(text) <= names.LONGEST_NAME


class _Seeds(params.Section):
    seeds: list[int] = Field(min_length=1)


def seeds() -> list[int]:
    """Return ``experiment.seeds``, and read no other key of that section."""
    values = {"seeds": params.read_section("experiment.seeds")}
    return params.parse(values, "experiment", _Seeds, params.PARAMS_FILE.name).seeds
