"""What a training reads of a pipeline that has run up to it."""

import numpy as np

from pedecg.core import tables
from pedecg.learning import batches
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.training_task import Task
from pedecg.models import features
from pedecg.models.model_inputs import ModelInputs
from pedecg.signals.signal_store import open_store


def read(inputs: ModelInputs, settings: TrainSettings, seed: int = 0) -> Task:
    """Return the training of a network on what the pipeline in the working directory has made.

    Parameters
    ----------
    inputs : what this network reads besides the signals, and its settings; see `model_inputs`.

    Raises
    ------
    PedecgError
        The stages before the training have not run.
    """
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    rules = inputs.rules
    if "numbers" in inputs.reads:
        rules = features.with_numbers(records, rules)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    data = batches.dataset(open_store("data/processed/signals"), records, labels, rules)
    split = splits.set_index("record_id").loc[list(data.record_ids), "split"].to_numpy(str)
    training, validation = (np.flatnonzero(split == name) for name in ("train", "validation"))
    return Task(
        inputs.name, inputs.settings, data, training, validation, normalisation, settings, seed,
        inputs.pretrained,
    )  # fmt: skip
