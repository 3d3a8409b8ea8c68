"""Rows for models of tables, from plain tables of the tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pedecg.learning import batches
from pedecg.models import registry
from pedecg.models.contract import Model, Rows, Training


def rows(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    age_days: Sequence[Any] | None = None,
    sex: Sequence[Any] | None = None,
) -> Rows:
    """Return the rows of a table of rule features and of labels, in the same order."""
    n = len(labels)
    ids = [f"R{i:04d}" for i in range(n)]
    records = pd.DataFrame(
        {
            "record_id": ids,
            "age_days": pd.array([pd.NA] * n if age_days is None else age_days, "Int64"),
            "sex": pd.array([pd.NA] * n if sex is None else sex, "string"),
        }
    )
    named = labels.astype("Int8").assign(record_id=ids)
    return batches.dataset(None, records, named, features.assign(record_id=ids))


def fit(
    name: str, values: dict[str, Any], rows: Rows, seed: int = 0, task: str = "multilabel"
) -> Model:
    """Fit a model on all of the rows."""
    training = Training(name, values, seed, {"task": task})
    fitted = registry.fit(rows, np.zeros(len(rows), bool), training)
    assert fitted is not None
    model: Model = fitted.model
    return model
