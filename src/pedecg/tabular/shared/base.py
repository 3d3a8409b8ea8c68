"""A model of tables: how it is fitted, refitted, saved and loaded, whatever it computes.

A model is a frozen dataclass. Its arrays are saved as safetensors and everything else as JSON, so
that no file holds code and another version of scikit-learn gives the same probabilities.
"""

import json
from abc import abstractmethod
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from pedecg.core import checkpoint, folder_hashes, params, tables
from pedecg.core.errors import PedecgError
from pedecg.models import contract, registry
from pedecg.models.contract import Fitted, Rows, Training
from pedecg.models.features import Scale

REFIT = (
    "true: fitted again on training and validation records together, which helps in a small "
    "cohort; calibrated by its earlier predictions for validation records"
)
ARRAYS = "arrays.safetensors"


@dataclass(frozen=True)
class TabularModel(contract.Trainable):
    """A model that reads no signal; a subclass has its fitted numbers as further fields."""

    @classmethod
    @abstractmethod
    def learn(cls, rows: Rows, settings: Any, training: Training) -> Self:
        """Fit on all of the rows.

        Parameters
        ----------
        settings : the section of the model, an instance of its module's ``Settings``.
        """

    @classmethod
    def family(cls) -> str:
        """Return the name of the file that the model is made by."""
        return cls.__module__.rpartition(".")[2]

    @property
    def reads(self) -> frozenset[str]:
        """Inputs that the model reads."""
        return registry.reads(self.family())

    @classmethod
    def fit(cls, rows: Rows, validation: NDArray[np.bool_], training: Training) -> Fitted:
        """Fit on the training rows; with the setting `refit`, then on the validation rows as well.

        Nothing here is stopped early, so that validation records are for calibration alone. Their
        probabilities stay those of the model that has not seen them.

        Parameters
        ----------
        validation : shape (n,), true for validation rows.
        """
        if not rows.targets:
            raise PedecgError(
                "train: the cohort has no target (cohort.manifest.labels names columns)"
            )
        schema = registry.settings(training.name, training.values)
        source = params.PARAMS_FILE.name
        settings = params.parse(training.values, f"models.{training.name}", schema, source)
        model = cls.learn(rows.take(~validation), settings, training)
        if not getattr(settings, "refit", False):
            return Fitted(model)
        unseen = model.predict(rows.take(validation))
        return Fitted(cls.learn(rows, settings, training), unseen)

    def save(self, folder: Path) -> None:
        """Write ``model.json``, any arrays as ``arrays.safetensors``, and the hashes of both."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in values.items() if name not in arrays}
        if "scale" in plain:
            plain["scale"] = asdict(plain["scale"])
        card = {"model": plain.pop("name"), "family": self.family(), **plain}
        text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
        tables.write_text(text + "\n", Path(folder) / contract.CARD)
        if arrays:
            checkpoint.write_tensors(
                Path(folder) / ARRAYS,
                {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()},
                {"format": "np"},
            )
        names = [contract.CARD, *([ARRAYS] if arrays else [])]
        folder_hashes.seal(Path(folder), names)

    @classmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Read a model from its folder.

        Raises
        ------
        PedecgError
            The folder does not hold a model of this family.
        """
        card = registry.read_card(Path(folder))
        if card.pop("family") != cls.family():
            raise PedecgError(f"{folder}: not a model of {cls.family()}")
        values = {name: _immutable(value) for name, value in card.items()}
        if (Path(folder) / ARRAYS).is_file():
            folder_hashes.verify(Path(folder), [ARRAYS])
            tensors, _ = checkpoint.read_tensors(Path(folder) / ARRAYS, torch.device("cpu"))
            values |= {name: tensor.numpy() for name, tensor in tensors.items()}
        try:
            if "scale" in values:
                values["scale"] = Scale(**values["scale"])
            return cls(name=values.pop("model"), **values)
        except (KeyError, TypeError, ValueError) as error:
            raise PedecgError(f"{folder}: not a model of {cls.family()} ({error})") from None


def _immutable(value: Any) -> Any:
    """Return a value read from JSON with tuples in place of lists."""
    if isinstance(value, list):
        return tuple(map(_immutable, value))
    if isinstance(value, dict):
        return {key: _immutable(inner) for key, inner in value.items()}
    return value
