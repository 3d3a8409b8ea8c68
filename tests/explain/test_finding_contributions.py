"""What findings add: it sums up, goes where the model looks, and says so in words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.explain import finding_contributions as contributions
from pedecg.explain.explained_records import RecordTarget
from pedecg.explain.finding_contributions import FindingSettings
from pedecg.models.contract import Rows

COLUMNS = ("heart_rate_bpm", "z_heart_rate", "qrs_axis_deg", "r_v1_mv", "t_v6_mv")
EDGES = [365, 1826]
SETTINGS = FindingSettings(model=None, records=10, orders=20, seed=0)


def rows(n: int = 60) -> Rows:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.normal(size=(n, 5)), columns=list(COLUMNS), dtype=np.float32)
    features.iloc[::7, 3] = np.nan
    labels = np.zeros((n, 2), np.float32)
    labels[::5, 0] = 1
    age = np.where(np.arange(n) % 2, 100.0, 3000.0).astype(np.float32)
    ids = tuple(f"r{k:03d}" for k in range(n))
    return Rows(
        ids, age, np.zeros(n, np.int64), ("chd", "abnormal"), labels, features, np.arange(n)
    )


def splits(of: Rows) -> pd.DataFrame:
    return pd.DataFrame({"record_id": of.record_ids, "split": "train"})


def of_axis(many: Rows) -> np.ndarray:
    """A model that looks at the axis, and at whether the R wave is known."""
    axis, r = (many.features[c].to_numpy(np.float64) for c in ("qrs_axis_deg", "r_v1_mv"))
    p = 1 / (1 + np.exp(-2 * axis - np.isnan(r)))
    return np.column_stack([p, 1 - p])


def test_usual_and_findings_add_up_to_the_probability() -> None:
    some = rows()
    norm = contributions.usual(some, splits(some), EDGES)
    table = contributions.contributions(of_axis, some, 0, norm, SETTINGS)
    named = [name for name in contributions.NAMES if name in table]
    assert set(named) == {"heart rate", "electrical axis", "QRS voltage", "T wave"}
    total = table["usual"] + table[named].sum(axis=1)
    np.testing.assert_allclose(total, table["probability"], atol=1e-6)
    np.testing.assert_allclose(table["probability"], of_axis(some)[:, 0], atol=1e-6)


def test_a_finding_that_the_model_does_not_read_adds_nothing() -> None:
    some = rows()
    norm = contributions.usual(some, splits(some), EDGES)
    table = contributions.contributions(of_axis, some, 0, norm, SETTINGS)
    assert table["heart rate"].abs().max() < 1e-9
    assert table["T wave"].abs().max() < 1e-9
    assert table["electrical axis"].abs().mean() > 0.1
    unknown = some.features["r_v1_mv"].isna().to_numpy()
    assert (table["QRS voltage"][unknown] > 0).all()
    assert table["QRS voltage"][~unknown].abs().max() < 1e-9


def test_the_usual_ecg_is_that_of_training_children_of_the_age_without_a_target() -> None:
    some = rows()
    shifted = some.features.copy()
    young = some.age_days < 365
    shifted.loc[young, "r_v1_mv"] += 10
    shifted.loc[some.labels[:, 0] == 1, :] = 99.0
    some = replace(some, features=shifted)
    some_splits = splits(some)
    norm = contributions.usual(some, some_splits, EDGES).of(some)
    assert np.abs(norm).max() < 20
    assert norm[young, 3].min() > 9 > 1 > norm[~young, 3].max()
    some_splits.loc[some_splits.index >= 30, "split"] = "test"
    other = replace(some, features=some.features.where(some_splits["split"] == "train", -50.0))
    again = contributions.usual(other, some_splits, EDGES).of(some)
    np.testing.assert_array_equal(again, contributions.usual(some, some_splits, EDGES).of(some))


def test_the_same_seed_gives_the_same_numbers_and_words() -> None:
    some = rows()
    norm = contributions.usual(some, splits(some), EDGES)
    chosen = {"chd": [RecordTarget(f"r{k:03d}", "p", "chd", 1.0, 0.7, 0.5) for k in (3, 8, 21)]}
    one, two = (contributions.of_targets(of_axis, some, chosen, norm, SETTINGS) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert list(one["record_id"]) == ["r003", "r008", "r021"]
    assert one["words"].str.contains("electrical axis [+-]0").all()
    sizes = contributions.mean_sizes(one)
    metrics = contributions.as_metrics(sizes, "rules_trees")
    assert next(iter(metrics["targets"]["chd"]["mean_absolute_contribution"])) == "electrical axis"


@pytest.mark.parametrize(
    ("feature", "finding"),
    [
        ("rule_complete_block", "AV conduction, pre-excitation"),
        ("z_qtc_bazett", "QT interval"),
        ("rule_wide_qrs_t_angle", "electrical axis"),
        ("st80_v1_mv", "ST segment"),
        ("score_lvh", "QRS voltage"),
        ("rr_entropy", "rhythm"),
        ("z_qrs", "QRS duration, bundle branches"),
    ],
)
def test_a_feature_belongs_to_its_finding(feature: str, finding: str) -> None:
    assert contributions.finding_of(feature) == finding


def test_no_named_measure_is_left_over() -> None:
    plain = [c for c in tables.RULES.columns if c.isidentifier() and c not in ("record_id", "why")]
    assert [c for c in plain if contributions.finding_of(c) == "other criteria"] == []
