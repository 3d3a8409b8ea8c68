"""Models by name: the name is the file, so that a new file is a new model.

Networks lie in ``models/networks``, models of tables in ``tabular``, models made of other models in
``models/fused``. A model's module holds ``Settings`` (its section ``models.<name>`` of
params.yaml), ``READS`` (some of `INPUTS`), and ``Model``: the layers of a network, or a
`contract.Trainable`. A constant ``REFERENCE = True`` marks a reference baseline. A module is
imported when its model is requested.

A file can be a family of models: a section ``models.<variant>`` with ``family: <file>`` is a model
of that file with settings of its own.
"""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, create_model
from torch import nn

from pedecg.core import folder_hashes, params
from pedecg.core.errors import PedecgError
from pedecg.models import contract

_SOURCE = Path(__file__).parents[1]
# Folders whose every file is a model, and its kind. What models share lies elsewhere: `models`,
# `tabular.shared`.
_FOLDERS = {"models/networks": "network", "tabular": "tabular", "models/fused": "fused"}
_TRAINED_NETWORK = "learning/network_model.py"  # any network, with its training
_COMBINED = {  # made of trained models, not of rows
    "ensemble": "evaluation/ensemble_model.py",
    "fold_mean": "models/fold_mean.py",
}

# What a model may read of a record: its signal; age and sex; rule features (the table RULES);
# further numbers of the cohort's manifest, if there are any. A model that reads "pretrained" has a
# method ``load_pretrained(folder)``, which takes over the weights in that folder and returns one
# line on where they come from, for the model's card.
INPUTS = frozenset({"signals", "demographics", "rules", "numbers", "pretrained"})
FEATURES = frozenset({"rules", "numbers"})  # those that a network gets as features of a record


def names() -> list[str]:
    """Return the names of all models that can be trained, sorted."""
    return sorted(_files())


def family(name: str, values: Mapping[str, Any] | None = None) -> str:
    """Return the file that makes a model: the family that its section names, or its own name."""
    return str((values or {}).get("family", name))


def source_file(name: str, values: Mapping[str, Any] | None = None) -> Path:
    """Return the file of a model.

    Parameters
    ----------
    values : the section ``models.<name>``, for a variant of a family; so in what follows.

    Raises
    ------
    PedecgError
        There is no such file; the message names those that there are.
    """
    files, file = _files(), family(name, values)
    if file not in files:
        raise PedecgError(f"models: no model {file!r}; there are {', '.join(sorted(files))}")
    return files[file]


def settings(name: str, values: Mapping[str, Any] | None = None) -> type[params.Section]:
    """Return the class of the section ``models.<name>``; that of a variant has a key `family`."""
    found: type[params.Section] = _module(name, values).Settings
    return _with_family(found, family(name, values)) if "family" in (values or {}) else found


def reads(name: str, values: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return what a model reads: some of `INPUTS`.

    Where a variant's settings decide, its module has a function ``reads(values)``.
    """
    module = _module(name, values)
    of_values: Callable[[Mapping[str, Any]], frozenset[str]] | None
    of_values = getattr(module, "reads", None)
    found: frozenset[str] = of_values(values or {}) if of_values else module.READS
    return found


def kind(name: str, values: Mapping[str, Any] | None = None) -> str:
    """Return network, tabular, or fused: made of models of the other kinds."""
    return _FOLDERS[source_file(name, values).parent.relative_to(_SOURCE).as_posix()]


def is_network(name: str, values: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a model is a network."""
    return kind(name, values) == "network"


def sides(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of each model that a fused one is made of, by its key in ``models``."""
    of_values: Callable[[Mapping[str, Any]], dict[str, str]] | None
    of_values = getattr(_module(name, values), "sides", None)
    return of_values(values) if of_values else {}


def is_reference(name: str, values: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a model is a reference baseline: by default no member of an ensemble."""
    return bool(getattr(_module(name, values), "REFERENCE", False))


def fit(
    rows: contract.Rows, validation: NDArray[np.bool_], training: contract.Training
) -> contract.Fitted | None:
    """Fit the model that a training names; see `contract.Trainable.fit`.

    Parameters
    ----------
    validation : shape (n,), true for validation rows.
    """
    return _trainable(training.name, training.values).fit(rows, validation, training)


def load(
    folder: Path, targets: Sequence[str] | None = None, accelerator: str = "auto"
) -> contract.Model:
    """Open the model in a folder, of whatever family.

    Parameters
    ----------
    targets : what the caller wants predicted; must be those that it was trained for.
    accelerator : auto, cpu, cuda or mps; where networks compute.

    Raises
    ------
    PedecgError
        The folder holds no model, one of an unknown family, or one of other targets.
    """
    card = read_card(folder)
    combined = _COMBINED.get(card["family"])
    model: type[contract.Model] = (
        _import(_SOURCE / combined).Model if combined else _trainable(card["family"])
    )
    loaded = model.load(Path(folder), accelerator)
    if targets is not None and tuple(targets) != loaded.targets:
        raise PedecgError(
            f"{folder}: trained for targets {', '.join(loaded.targets)}; asked for "
            f"{', '.join(targets)}; retrain, or ask for its own"
        )
    return loaded


def read_card(folder: Path) -> dict[str, Any]:
    """Return the content of a model's ``model.json``, which has the key `family`.

    Raises
    ------
    PedecgError
        There is none, it is not a valid model card, or a file is not the one that was saved.
    """
    path = folder / contract.CARD
    if not path.exists():
        raise PedecgError(f"{path}: not found; the stage that writes it has not run")
    folder_hashes.verify(folder, [contract.CARD])
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PedecgError(f"{path}: not a valid model card ({error})") from None
    if not isinstance(card, dict) or not isinstance(card.get("family"), str):
        raise PedecgError(f"{path}: names no family of models; train it again")
    return card


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
        The name is no network, or a setting is wrong.
    """
    if not is_network(name, values):
        raise PedecgError(f"models.{name}: {family(name, values)} is no network")
    section, source = f"models.{name}", params.PARAMS_FILE.name
    checked = params.parse(values, section, settings(name, values), source)
    model: nn.Module = _module(name, values).Model(
        checked, n_leads=n_leads, n_samples=n_samples, fs_hz=fs_hz, n_targets=n_targets,
        n_features=n_features,
    )  # fmt: skip
    return model


def _files() -> dict[str, Path]:
    """Return the file of each model by its name."""
    files = [file for folder in _FOLDERS for file in (_SOURCE / folder).glob("*.py")]
    return {file.stem: file for file in files if file.stem != "__init__"}


def _module(name: str, values: Mapping[str, Any] | None = None) -> ModuleType:
    return _import(source_file(name, values))


def _trainable(name: str, values: Mapping[str, Any] | None = None) -> type[contract.Trainable]:
    network = is_network(name, values)
    file = _SOURCE / _TRAINED_NETWORK if network else source_file(name, values)
    found: type[contract.Trainable] = _import(file).Model
    return found


def _import(file: Path) -> ModuleType:
    """Import a module by its file: layers above this one are known to it by name alone."""
    parts = file.relative_to(_SOURCE).with_suffix("").parts
    return importlib.import_module(".".join(("pedecg", *parts)))


@cache
def _with_family(schema: type[params.Section], file: str) -> type[params.Section]:
    description = "file that makes this model, in src/pedecg/models/networks or src/pedecg/tabular"
    key: Any = (Literal[file], Field(description=description))
    return create_model(schema.__name__, __base__=schema, __doc__=schema.__doc__, family=key)
