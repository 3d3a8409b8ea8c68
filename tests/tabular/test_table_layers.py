"""Models of tables as torch layers give the probabilities of the model itself."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_tables
import torch

from pedecg.models import registry
from pedecg.models.contract import Rows

TARGETS = ("abnormal", "abnormal_beyond_rate", "chd", "norm")
N = 80
SETTINGS: dict[str, dict[str, Any]] = {
    "age_sex": {"strength": 1.0},
    "rules": {"max_slope": 5.0},
    "rules_linear": {"strength": 1.0},
    "rules_trees": {"trees": 10, "min_leaf": 2, "feature_share": 0.5},
    "rules_boosted": {
        "models": 2, "rounds": 8, "learning_rate": 0.2, "depth": 3, "min_leaf": 2,
        "record_share": 0.7, "feature_share": 0.7, "balance": 1,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Children with gaps in every measure; of `chd` no record is positive."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "qrs_ms": rng.normal(80, 15, N), "z_qrs": rng.normal(0, 2, N),
            "z_heart_rate": rng.normal(0, 2, N), "z_r_v1": rng.normal(0, 2, N),
            "rule_wide_qrs": rng.integers(0, 2, N), "rule_tachycardia": rng.integers(0, 2, N),
            "rule_rvh": rng.integers(0, 2, N), "rule_qtc_borderline": rng.integers(0, 2, N),
        }
    )  # fmt: skip
    table = table.mask(rng.random(table.shape) < 0.2)
    labels = pd.DataFrame({t: rng.integers(0, 2, N) for t in TARGETS}).astype("Int8")
    labels["chd"] = 0
    labels.loc[::7, "norm"] = pd.NA
    age_days = [None if k % 9 == 0 else 60 * k for k in range(N)]
    return small_tables.rows(
        table, labels, age_days, [("female", "male", None)[k % 3] for k in range(N)]
    )


def test_every_model_of_tables_is_tested() -> None:
    assert {name for name in registry.names() if registry.kind(name) == "tabular"} == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_the_layers_give_the_probabilities_of_the_model(name: str, task: str, rows: Rows) -> None:
    if task == "multiclass":
        classes = np.eye(len(TARGETS), dtype=np.float32)[np.arange(N) % 3]  # none of the fourth
        rows = Rows(**{**vars(rows), "labels": classes})
    model = small_tables.fit(name, SETTINGS[name], rows, task=task)
    made = model.table_layers(list(rows.features))
    assert made is not None
    features = torch.from_numpy(rows.features[list(made.names)].to_numpy())
    found = made.layers(features, torch.from_numpy(rows.age_days), torch.from_numpy(rows.sex))
    assert found.dtype == torch.float64
    expected = model.predict(rows)
    assert np.ptp(expected, axis=0).max() > 0.05  # so that agreement says something
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)
