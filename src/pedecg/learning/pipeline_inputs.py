"""Inputs of a training from the pipeline in the working directory."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import params, tables
from pedecg.learning import batches, training_state
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.training_task import Task
from pedecg.models.contract import Rows, Training
from pedecg.models.model_inputs import ModelInputs
from pedecg.signals.signal_store import open_store

LABELS = Path("data/interim/training_labels.parquet")  # as the reviewers corrected them
STATISTICS = Path("data/processed/lead_statistics.json")
MODELS = Path("models")


@dataclass(frozen=True)
class Inputs:
    """The rows of a cohort and how a model is trained on them.

    Attributes
    ----------
    rows : all records, n.
    split : shape (n,), train, validation or test.
    """

    rows: Rows
    split: NDArray[np.str_]
    training: Training

    @property
    def learnt_from(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Return training and validation rows, and which of them are validation rows.

        Returns
        -------
        n rows, and shape (n,).
        """
        chosen = self.split != "test"
        return self.rows.take(chosen), self.split[chosen] == "validation"

    def predictions(self, probabilities: NDArray[np.float64]) -> pd.DataFrame:
        """Return the table PREDICTIONS of all rows from shape (n, n_targets)."""
        return batches.predictions(self.rows, self.split, self.training.seed, probabilities)

    def task(self, settings: TrainSettings) -> Task:
        """Return the training of a network, for checks before it runs."""
        learns, chooses = (np.flatnonzero(self.split == name) for name in ("train", "validation"))
        training, made = self.training, batches.normalisation(self.training.lead_statistics)
        return Task(
            training.name, training.values, self.rows, learns, chooses, made, settings,
            training.seed, training.pretrained,
        )  # fmt: skip


def read(inputs: ModelInputs, seed: int = 0) -> Inputs:
    """Return what the training of a model starts from.

    Only what the model reads is opened: one that reads no signal needs no signal store.

    Parameters
    ----------
    inputs : its settings, and what it reads besides signals, age and sex; see `model_inputs`.

    Raises
    ------
    PedecgError
        The stages before the training have not run.
    """
    network = "signals" in inputs.reads
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read(LABELS, tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    store = open_store("data/processed/signals") if network else None
    rows = batches.dataset(store, records, labels, inputs.features(records))
    training = Training(
        inputs.name, inputs.settings, seed, params.read_section("train"),
        lead_statistics=asdict(batches.read_normalisation(STATISTICS)) if network else {},
        pretrained=inputs.pretrained,
        state=training_state.STATE_FOLDER,
        models=MODELS,
    )  # fmt: skip
    split = splits.set_index("record_id").loc[list(rows.record_ids), "split"].to_numpy(str)
    return Inputs(rows, split, training)
