"""Models by name: the name is the file, so that a new file is a new model.

A model's module holds ``Settings`` (its section ``models.<name>`` of params.yaml), ``Model``, and
``READS``: what it asks for besides signal, leads, age and sex (see `INPUTS`).
It is imported when it is asked for: a change in one model's file concerns no other model.

A file can be a family of models: a section ``models.<variant>`` with ``family: <file>`` is a model
of that file with settings of its own.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from pedecg.core import params
from pedecg.core.errors import PedecgError

_NETWORKS = Path(__file__).with_name("networks")

# What READS may hold. A model that reads "rules" is given the rule features of each record, one
# that reads "numbers" the further numbers of the cohort's manifest, if there are any. One that
# reads "pretrained" has a method ``load_pretrained(folder)``, which takes over the weights that lie
# there and returns one line on where they come from, for the model's card.
INPUTS = frozenset({"rules", "numbers", "pretrained"})
FEATURES = frozenset({"rules", "numbers"})  # those that come as features of a record


def names() -> list[str]:
    """Return the names of all models, sorted."""
    return sorted(file.stem for file in _NETWORKS.glob("*.py") if file.stem != "__init__")


def family(name: str, values: Mapping[str, Any] | None = None) -> str:
    """Return the file that makes a model: the family that its section names, or its own name."""
    return str((values or {}).get("family", name))


def source_file(name: str, values: Mapping[str, Any] | None = None) -> Path:
    """Return the file of a model; a `PedecgError` names those that there are.

    Parameters
    ----------
    values : the section ``models.<name>``, for a variant of a family; so in what follows.
    """
    file = family(name, values)
    if file not in names():
        raise PedecgError(f"models: no model {file!r}; there are {', '.join(names())}")
    return _NETWORKS / f"{file}.py"


def settings(name: str, values: Mapping[str, Any] | None = None) -> type[params.Section]:
    """Return the class of the section ``models.<name>``."""
    found: type[params.Section] = _module(name, values).Settings
    return found


def reads(name: str, values: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return what a model reads besides signal, leads, age and sex: some of `INPUTS`.

    Where a variant's settings decide, its module has a function ``reads(values)``.
    """
    module = _module(name, values)
    of_values: Callable[[Mapping[str, Any]], frozenset[str]] | None
    of_values = getattr(module, "reads", None)
    found: frozenset[str] = of_values(values or {}) if of_values else module.READS
    return found


def _module(name: str, values: Mapping[str, Any] | None = None) -> ModuleType:
    return importlib.import_module(f"pedecg.models.networks.{source_file(name, values).stem}")


def build(
    name: str,
    values: dict[str, Any],
    *,
    n_leads: int,
    n_samples: int,
    fs_hz: float,
    n_targets: int,
    n_features: int = 0,
) -> nn.Module:
    """Build a network with fresh weights, drawn from torch's generator.

    Parameters
    ----------
    values : the plain values of the section ``models.<name>``; checked here.
    n_samples : length of the training crops; models built on convolutions take any other too.
    n_features : rule features of a record; 0 where the model does not read them.

    Raises
    ------
    PedecgError
        The name is no file of this folder, or a setting is wrong.
    """
    module = _module(name, values)
    checked = params.parse(values, f"models.{name}", module.Settings, params.PARAMS_FILE.name)
    model: nn.Module = module.Model(
        checked, n_leads=n_leads, n_samples=n_samples, fs_hz=fs_hz, n_targets=n_targets,
        n_features=n_features,
    )  # fmt: skip
    return model
