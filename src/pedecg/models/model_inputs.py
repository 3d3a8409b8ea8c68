"""Inputs of a model besides the signals and tables of all models, one folder per model.

A stage of a matrix depends on the same files for every item. So that a change of the rule features
retrains no network that does not read them, each training depends on its own folder, which holds
the model's settings in full and exactly what it reads.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.models import features, model_settings, registry

FOLDER = Path("data/inputs")
RULES = Path("data/features/rules.parquet")
PRETRAINED = Path("models/pretrained")
_FILE = "inputs.json"


@dataclass(frozen=True)
class ModelInputs:
    """What one model is trained with.

    Attributes
    ----------
    settings : its section of ``models``, in full.
    reads : some of `registry.INPUTS`.
    rules : the table RULES, for a model that reads rule features.
    pretrained : folder of the weights that it starts from, for a model that reads them.
    """

    name: str
    settings: dict[str, Any]
    reads: frozenset[str]
    rules: pd.DataFrame | None
    pretrained: Path

    def features(self, records: pd.DataFrame) -> pd.DataFrame | None:
        """Return the table of features that the model reads of these records, if it reads any."""
        return features.with_numbers(records, self.rules) if "numbers" in self.reads else self.rules


def write(names: Iterable[str], values: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write the folder of each model; nothing in it depends on the other models.

    Parameters
    ----------
    values : the sections of ``params.yaml``.
    """
    for name in names:
        settings = model_settings.complete(name, values)
        reads = registry.reads(name, settings)
        about = {"settings": settings, "reads": sorted(reads)}
        text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        tables.write_text(text, folder / name / _FILE)
        if "rules" in reads:
            shutil.copyfile(RULES, folder / name / RULES.name)
        if "pretrained" in reads and not settings.get(model_settings.CONTINUES):
            shutil.copytree(PRETRAINED, folder / name / PRETRAINED.name, dirs_exist_ok=True)


def read(name: str, folder: Path = FOLDER) -> ModelInputs:
    """Read a model's folder, as `write` wrote it.

    Raises
    ------
    PedecgError
        Stage model_inputs has not prepared this model.
    """
    own = folder / name
    try:
        about = json.loads((own / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(
            f"{own}: not found; stage model_inputs prepares experiment.models"
        ) from None
    rules = own / RULES.name
    return ModelInputs(
        name=name,
        settings=about["settings"],
        reads=frozenset(about["reads"]),
        rules=tables.read(rules, tables.RULES) if "rules" in about["reads"] else None,
        pretrained=own / PRETRAINED.name,
    )


def current(name: str, file: Path = params.PARAMS_FILE) -> ModelInputs:
    """Return what any model of the parameter file would be trained with, in the run or not.

    Raises
    ------
    PedecgError
        Its section is missing or wrong, or the stages that make its inputs have not run.
    """
    settings = model_settings.complete(name, params.read_file(file), file.name)
    reads = registry.reads(name, settings)
    rules = tables.read(RULES, tables.RULES) if "rules" in reads else None
    return ModelInputs(name, settings, reads, rules, PRETRAINED)
