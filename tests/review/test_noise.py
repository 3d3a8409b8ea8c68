"""The noise review finds planted wrong labels, never peeks, and is scored honestly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.models.contract import Rows
from pedecg.models.model_inputs import ModelInputs
from pedecg.plots import label_candidates
from pedecg.review import label_noise, out_of_fold_models, simulated_label_errors

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Records, recorded labels, out-of-fold probabilities and which labels are wrong."""
    rng = np.random.default_rng(0)
    n = 600
    ids = [f"r{i:03d}" for i in range(n)]
    true = (rng.random((n, 2)) < (0.5, 0.1)).astype(int)
    wrong = rng.random((n, 2)) < 0.06
    given = np.where(wrong, 1 - true, true).astype(float)
    given[rng.random((n, 2)) < 0.05] = np.nan
    logit = 3.5 * (true - 0.5) + rng.normal(size=(n, 2)) + (0, -1)
    records = pd.DataFrame({"record_id": ids, "patient_id": [f"p{i // 2}" for i in range(n)]})
    records = records.assign(path=ids, age_days=pd.array([400] * n, "Int64"), sex="male")
    labels = pd.DataFrame(given, columns=["a", "b"])
    labels.insert(0, "record_id", ids)
    labels = tables.check(labels, tables.LABELS, "made")
    p = pd.DataFrame(1 / (1 + np.exp(-logit)), index=ids, columns=["a", "b"])
    known = pd.DataFrame(wrong, columns=["wrong_a", "wrong_b"]).assign(record_id=ids)
    return records, labels, p, known


def test_planted_wrong_labels_come_first(planted) -> None:
    records, labels, p, known = planted
    ranked = tables.check(
        label_noise.candidates(p, labels, records, min_positives=5), tables.CANDIDATES, "made"
    )
    assert len(ranked) == labels[["a", "b"]].notna().sum().sum()
    scored = simulated_label_errors.score(ranked, known)
    assert scored["first_50"]["wrong"] > 5 * scored["first_50"]["at_chance"]
    assert scored["first_50"]["wrong"] <= scored["first_100"]["wrong"] <= scored["wrong"]
    in_first = [row["in_first_100"] for row in scored["targets"].values()]
    assert sum(in_first) == 100


def test_a_target_with_low_probabilities_does_not_crowd_the_first_100_candidates(planted) -> None:
    records, labels, p, known = planted
    lower = p.assign(b=p["b"] / 20)
    ranked = label_noise.candidates(lower, labels, records, min_positives=5)
    scored = simulated_label_errors.score(ranked, known)
    assert scored["targets"]["b"]["in_first_100"] < 60  # half of all labels are of b
    assert scored["first_50"]["wrong"] > 5 * scored["first_50"]["at_chance"]


def test_labels_are_ranked_by_falling_suspicion_the_flagged_among_the_first(
    planted,
) -> None:
    records, labels, p, _ = planted
    ranked = label_noise.candidates(p, labels, records, min_positives=5)
    assert ranked["label_quality"].is_monotonic_increasing
    assert list(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert ranked.loc[ranked["flagged"], "rank"].median() < 0.2 * len(ranked)


def test_a_rare_target_is_not_searched(planted) -> None:
    records, labels, p, _ = planted
    ranked = label_noise.candidates(p, labels, records, min_positives=200)
    assert set(ranked["label"]) == {"a"}
    nothing = label_noise.candidates(p, labels, records, min_positives=1000)
    assert len(tables.check(nothing, tables.CANDIDATES, "made")) == 0
    findings = pd.DataFrame({"record_id": [], "description": [], "code": []}, dtype="string")
    assert len(label_noise.for_reviewer(nothing, records, findings)) == 0
    assert label_noise.as_metrics(nothing)["flagged"] == 0


def test_no_record_is_predicted_by_a_model_that_saw_its_fold() -> None:
    folds = pd.Series([0, 1, 2, 3, 0, 1, 2, 3], index=list("abcdefgh"))
    asked = []

    def train_and_predict(learnt, chooses, predicted):
        parts = [set(learnt), set(chooses), set(predicted)]
        assert set.union(*parts) == set(folds.index)
        assert sum(map(len, parts)) == len(folds)
        assert all(len(set(folds[part])) == 1 for part in (chooses, predicted))
        asked.extend(predicted)
        return np.array([[ord(name)] for name in predicted], float)

    predicted = label_noise.out_of_fold(folds, ["t"], train_and_predict)
    assert sorted(asked) == sorted(folds.index)
    assert list(predicted.index) == list(folds.index)
    assert list(predicted["t"]) == [ord(name) for name in folds.index]


def test_the_truth_of_another_cohort_gives_nulls_with_a_reason(planted) -> None:
    records, labels, p, known = planted
    ranked = label_noise.candidates(p, labels, records, min_positives=5)
    elsewhere = known.assign(record_id="other" + known["record_id"])
    for truths in (elsewhere, known.drop(columns="wrong_b")):
        scored = simulated_label_errors.score(ranked, truths)
        assert scored["first_100"]["wrong"] is None
        assert "another cohort" in scored["reason"]
    assert simulated_label_errors.score(ranked.iloc[:0], known)["reason"] == "no candidates"


def test_the_reviewer_gets_what_helps_and_empty_columns_to_fill(planted, tmp_path: Path) -> None:
    records, labels, p, _ = planted
    ranked = label_noise.candidates(p, labels, records, min_positives=5)
    first = ranked["record_id"].iloc[0]
    findings = pd.DataFrame(
        {
            "record_id": [first, first, first],
            "description": ["sinus rhythm", "sinus rhythm", None],
            "code": ["A1", "the other vocabulary's", "prose of the reader"],
        }
    )
    sheet = label_noise.for_reviewer(ranked, records, findings, at_most=30)
    assert len(sheet) == 30
    assert sheet["findings"].iloc[0] == "sinus rhythm; prose of the reader"
    assert list(sheet.columns[-3:]) == ["decision", "reviewer", "reason"]
    tables.write_csv(sheet, tmp_path / "candidates.csv")
    assert len(pd.read_csv(tmp_path / "candidates.csv")) == 30


def test_labels_that_another_test_decides_are_not_searched_unless_named(planted) -> None:
    records, labels, p, _ = planted
    settings = params.load("noise_review", label_noise.NoiseReviewSettings, PARAMS)
    assert label_noise.searched(["a", "b"], settings, ["b"]) == ["a"]
    named = settings.model_copy(update={"targets": ["b"]})
    assert label_noise.searched(["a", "b"], named, ["b"]) == ["b"]
    with pytest.raises(PedecgError, match=r"noise_review.targets: 'c' is not a target; .* a, b"):
        label_noise.searched(["a", "b"], settings.model_copy(update={"targets": ["c"]}), [])
    ranked = label_noise.candidates(p, labels, records, min_positives=5)
    findings = pd.DataFrame({"record_id": [], "description": [], "code": []}, dtype="string")
    sheet = label_noise.for_reviewer(ranked, records, findings, not_from_ecg=["b"])
    assert set(sheet.loc[sheet["label"] == "b", "may_be"]) == {"keep unknown"}
    assert set(sheet.loc[sheet["label"] == "a", "may_be"]) == {"keep flip unknown"}


def test_any_model_predicts_out_of_fold_and_sees_no_record_of_the_fold() -> None:
    rng = np.random.default_rng(4)
    n = 120
    x = rng.normal(size=(n, 3)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    rows = Rows(
        tuple(f"r{k}" for k in range(n)), np.full(n, 400, np.float32), np.zeros(n, np.int64),
        ("a",), y, pd.DataFrame(x, columns=["u", "v", "w"]), np.arange(n),
    )  # fmt: skip
    review = params.load("noise_review", label_noise.NoiseReviewSettings, PARAMS)
    settings = params.read_section("models.rules_trees", PARAMS)
    reads = frozenset({"rules", "demographics"})
    inputs = ModelInputs("rules_trees", settings, reads, None, Path("none"))
    train = params.read_section("train", PARAMS)
    folds = pd.Series(np.arange(n) % 4, index=list(rows.record_ids))

    def predict(labels: np.ndarray) -> pd.DataFrame:
        changed = replace(rows, labels=labels)
        predictor = out_of_fold_models.predictor(changed, inputs, train, review)
        return label_noise.out_of_fold(folds, ["a"], predictor)

    found = predict(y)
    assert (np.round(found["a"]) == y[:, 0]).mean() > 0.85
    other = y.copy()
    other[np.flatnonzero(folds == 0)] = 1 - other[np.flatnonzero(folds == 0)]
    pd.testing.assert_series_equal(predict(other)["a"][folds == 0], found["a"][folds == 0])


def test_the_picture_is_the_same_bytes_again(planted, tmp_path: Path) -> None:
    records, labels, p, _ = planted
    ranked = label_noise.candidates(p, labels, records, min_positives=5)
    for name in ("a.png", "b.png"):
        label_candidates.draw(ranked, tmp_path / name, "zzu")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    label_candidates.draw(ranked.iloc[:0], tmp_path / "empty.png", "zzu")


def test_metrics_count_what_was_searched_and_flagged(planted) -> None:
    records, labels, p, _ = planted
    counted = label_noise.as_metrics(label_noise.candidates(p, labels, records, min_positives=5))
    assert counted["labels"] == sum(t["labels"] for t in counted["targets"].values())
    assert 0 < counted["flagged"] < 0.3 * counted["labels"]
