"""What the training stages read, for those who ask about a training before it runs."""

import numpy as np

from pedecg.cohorts import label_decisions
from pedecg.core import params, tables
from pedecg.learning import batches
from pedecg.learning.fit import PRETRAINED_FOLDER
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.training_task import Task
from pedecg.models import features, registry
from pedecg.signals.signal_store import open_store


def read(model: str, settings: TrainSettings, seed: int = 0) -> Task:
    """Return the training of a model on what the pipeline in the working directory has made.

    Raises
    ------
    PedecgError
        There is no such model, or the stages before the training have not run.
    """
    values = params.read_section(f"models.{model}")
    reads = registry.reads(model, values)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    if settings.use_decisions:
        labels = label_decisions.apply(labels, splits)
    rules = None
    if "rules" in reads:
        rules = tables.read("data/features/rules.parquet", tables.RULES)
    if "numbers" in reads:
        rules = features.with_numbers(records, rules)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    data = batches.dataset(open_store("data/processed/signals"), records, labels, rules)
    split = splits.set_index("record_id").loc[list(data.record_ids), "split"].to_numpy(str)
    training, validation = (np.flatnonzero(split == name) for name in ("train", "validation"))
    return Task(
        model, values, data, training, validation, normalisation, settings, seed,
        PRETRAINED_FOLDER,
    )  # fmt: skip
