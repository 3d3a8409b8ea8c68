"""The contract of all models: networks, tabular models and their ensemble.

A model is fitted on the training and validation rows of a cohort, predicts any rows, and is saved
in a folder whose ``model.json`` names its family, so that `registry.load` opens any of them.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from pedecg.core import folder_hashes, tables
from pedecg.core.errors import PedecgError
from pedecg.signals.signal_store import SignalStore

CARD = "model.json"


@dataclass(frozen=True)
class Rows:
    """Records that a model is fitted on or predicts, n in one order.

    Attributes
    ----------
    record_ids : n records.
    age_days : shape (n,), float32, NaN where unknown.
    sex : shape (n,), int64; 0 female, 1 male, -1 unknown.
    targets : names of the k targets; none where nothing is known.
    labels : shape (n, k), float32; 1 present, 0 absent, NaN unknown.
    features : rule features and numbers, n rows, float32, NaN where unknown; no columns where none
        are read.
    positions : shape (n,), places of the records in `signals`.
    signals : where their signals lie; None for models that read none.
    patients : n names; records of one name are never split. None where each is its own.
    """

    record_ids: tuple[str, ...]
    age_days: NDArray[np.float32]
    sex: NDArray[np.int64]
    targets: tuple[str, ...]
    labels: NDArray[np.float32]
    features: pd.DataFrame
    positions: NDArray[np.int64]
    signals: SignalStore | None = None
    patients: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def store(self) -> SignalStore:
        """The signals; a `PedecgError` where there are none."""
        if self.signals is None:
            raise PedecgError("these rows hold no signals; the model reads them")
        return self.signals

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Rows":
        """Return some of the rows: by number, in that order, or by a mask of shape (n,)."""
        rows = np.arange(len(self))[chosen]
        return Rows(
            record_ids=tuple(self.record_ids[row] for row in rows),
            age_days=self.age_days[rows],
            sex=self.sex[rows],
            targets=self.targets,
            labels=self.labels[rows],
            features=self.features.iloc[rows].reset_index(drop=True),
            positions=self.positions[rows],
            signals=self.signals,
            patients=None if self.patients is None else tuple(self.patients[row] for row in rows),
        )


@dataclass(frozen=True)
class Training:
    """How one model is fitted.

    Attributes
    ----------
    name, values : of the model, and the plain values of its section ``models.<name>``.
    seed : of every random choice.
    train : plain values of the section ``train``, as far as the model needs them: a network all of
        it, a model of tables `task` alone.
    lead_statistics : mean and SD of each lead over the training records, for networks; see
        `signals.lead_statistics.of_leads`.
    pretrained : folder of the weights that a model which reads "pretrained" starts from.
    state : folder where a training that was stopped is kept to go on from; None: nowhere.
    models : folder of trained models, ``<name>/seed<seed>``, in which a model made of others looks
        for its networks; None: it trains them all.
    trained : folder of a network that is taken if the same training made it; None: none.
    """

    name: str
    values: dict[str, Any]
    seed: int
    train: Mapping[str, Any]
    lead_statistics: Mapping[str, Any] = field(default_factory=dict)
    pretrained: Path = Path("models/pretrained")
    state: Path | None = None
    models: Path | None = None
    trained: Path | None = None

    @property
    def exclusive(self) -> bool:
        """Whether exactly one of the targets holds, as `train.task` says."""
        return bool(self.train["task"] == "multiclass")


@dataclass(frozen=True)
class TableLayers:
    """A model of tables as torch layers, which can be written as ONNX.

    Attributes
    ----------
    names : the features that it reads, in the order of its input.
    layers : from features (n, n_names), float32, NaN where unknown, age in days (n,), float32, and
        sex (n,), int64, to probabilities (n, n_targets), float64; age and sex as in `Rows`.
    """

    names: tuple[str, ...]
    layers: nn.Module


@dataclass(frozen=True)
class Model(ABC):
    """A fitted model.

    Attributes
    ----------
    name, seed : which model of params.yaml, and of which training.
    targets : names, in the order of its probabilities.
    """

    name: str
    seed: int
    targets: tuple[str, ...]

    @property
    @abstractmethod
    def reads(self) -> frozenset[str]:
        """What it reads of a record: some of `registry.INPUTS`."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of `Rows.features` that it reads."""
        return ()

    def table_layers(self, columns: Sequence[str]) -> TableLayers | None:
        """Return a model of tables as layers; None: it is another kind of model, or has none.

        Parameters
        ----------
        columns : the features that its pipeline has.
        """
        return None

    @abstractmethod
    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Return probabilities of shape (n, n_targets).

        Raises
        ------
        PedecgError
            The rows lack what the model reads; the message names it.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model: the same model, the same bytes."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Read what `save` wrote, or raise a `PedecgError`.

        Parameters
        ----------
        accelerator : auto, cpu, cuda or mps; where networks compute.
        """


def write_card(folder: Path, model: Model, more: Mapping[str, Any]) -> None:
    """Write the sealed ``model.json`` of a model made of others, which have hashes of their own.

    Parameters
    ----------
    more : what the card says besides name, family, seed and targets.
    """
    card = {
        "model": model.name,
        "family": type(model).__module__.rpartition(".")[2],
        "seed": model.seed,
        "targets": model.targets,
        **more,
    }
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
    tables.write_text(text + "\n", folder / CARD)
    folder_hashes.seal(folder, [CARD])


@dataclass(frozen=True)
class Fitted:
    """What a training made.

    Attributes
    ----------
    validation : probabilities of the validation rows, shape (n_validation, n_targets), of a model
        that has not seen them, where `model` has; None: those of `model`.
    key : hash of all that the training depended on, where it can be taken over; "" elsewhere.
    """

    model: Model
    validation: NDArray[np.float64] | None = None
    key: str = ""

    def predict(self, rows: Rows, validation: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return probabilities of any rows, of which `validation` marks those of the training.

        Parameters
        ----------
        validation : shape (n,), true for the validation rows of the training.

        Returns
        -------
        Shape (n, n_targets).
        """
        probabilities = self.model.predict(rows)
        if self.validation is not None:
            probabilities[validation] = self.validation
        return probabilities


class Trainable(Model):
    """A model that learns from rows."""

    @classmethod
    @abstractmethod
    def fit(cls, rows: Rows, validation: NDArray[np.bool_], training: Training) -> Fitted | None:
        """Fit a model.

        Parameters
        ----------
        rows : training and validation rows, and no others.
        validation : shape (n,), which of them only choose and calibrate.

        Returns
        -------
        None where another process of the same training returns the model.

        Raises
        ------
        PedecgError
            The labels cannot be learnt from, or a setting is wrong.
        """
