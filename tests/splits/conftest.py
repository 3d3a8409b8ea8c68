"""A made-up cohort of children with repeated examinations and rare, unknown and noisy labels."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pedecg.cohorts import splits
from pedecg.core import tables
from pedecg.core.records import LEADS, NINE_LEADS

Cohort = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="session")
def cohort() -> Callable[..., Cohort]:
    """Return a maker of (records, labels): younger children have nine leads more often."""

    def make(patients: int = 300, seed: int = 0, unknown: float = 0.1) -> Cohort:
        rng = np.random.default_rng(seed)
        visits = np.where(rng.random(patients) < 0.15, rng.integers(2, 8, patients), 1)
        patient = np.repeat(np.arange(patients), visits)
        n = len(patient)
        age = rng.integers(1, 5475, patients)[patient] + rng.integers(0, 200, n)
        nine = (rng.random(patients) < 0.15)[patient]
        records = pd.DataFrame(
            {
                "record_id": [f"R{i:05d}" for i in range(n)],
                "patient_id": [f"P{i:05d}" for i in patient],
                "path": "x",
                "fs_hz": 500.0,
                "n_samples": 5000,
                "leads": np.where(nine, " ".join(NINE_LEADS), " ".join(LEADS)),
                "age_days": pd.array(age, "Int64"),
                "sex": np.where(rng.random(patients) < 0.43, "female", "male")[patient],
                "acquired_at": None,
                "fold": None,
                "source_split": None,
            }
        )
        records.loc[rng.random(n) < 0.02, ["age_days", "sex"]] = None
        prevalence = {"abnormal": 0.8, "chd": 0.2, "kawasaki": 0.03}
        labels = pd.DataFrame({"record_id": records["record_id"]})
        for target, share in prevalence.items():
            labels[target] = (rng.random(patients) < share)[patient].astype(int)
            labels.loc[rng.random(n) < unknown, target] = None
        return (
            tables.check(records, tables.RECORDS, "records"),
            tables.check(labels, tables.LABELS, "labels"),
        )

    return make


@pytest.fixture(scope="session")
def settings() -> Callable[..., splits.SplitSettings]:
    """Return a maker of settings: the usual ones, with what a test changes."""

    def make(**changed: object) -> splits.SplitSettings:
        usual = {
            "seed": 7,
            "source": "stratified",
            "fractions": [0.6, 0.2, 0.2],
            "age_edges_days": [28, 365, 1826, 3652],
            "train_folds": [1, 2, 3, 4, 5, 6, 7, 8],
            "validation_folds": [9],
            "test_folds": [10],
            "folds": 0,
            "fold": 0,
        }
        return splits.SplitSettings(**{**usual, **changed})

    return make
