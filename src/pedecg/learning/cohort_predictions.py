"""Predictions of a model's trainings for all records of a cohort, as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pedecg.evaluation import cases
from pedecg.models.contract import Model, Rows


def predict(models: Sequence[Model], rows: Rows, split: str) -> pd.DataFrame:
    """Return `tables.PREDICTIONS` of all rows.

    Parameters
    ----------
    models : the trainings of one model, of any family; each with a seed of its own.
    split : what the column of that name holds.

    Raises
    ------
    PedecgError
        The rows lack what the models read.
    """
    p = np.array([model.predict(rows) for model in models])
    seeds = [model.seed for model in models]
    return cases.as_predictions(p, list(rows.record_ids), seeds, models[0].targets, split)
