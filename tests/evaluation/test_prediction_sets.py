"""Prediction sets cover what they promise in every age group, whatever the model is worth."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import prediction_sets, set_coverage
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.evaluation.prediction_sets import PredictionSets, Records, SetSettings
from pedecg.plots import set_figures

EDGES = [28, 365]
GROUPS = ["0-27 d", "28-364 d", "365 d and older"]
AGES = [10.0, 100.0, 1000.0]
ILL = [0.96, 0.5, 0.05]  # share of positives by age group: one threshold cannot serve all


def children(rng: np.random.Generator, n: int, skill: float = 1.0) -> Records:
    """Records of three ages, with probabilities of a model that does not know the ages."""
    group = rng.integers(0, 3, n)
    y = (rng.random(n) < np.array(ILL)[group]).astype(float)
    p = 1 / (1 + np.exp(-(skill * (2 * y - 1) + rng.normal(size=n))))
    ids = tuple(f"r{k:04d}" for k in range(n))
    cases = Cases(ids, ("chd",), y[:, None], np.arange(n))
    ages = pd.Series(np.array(AGES)[group]).astype("Int64")
    return Records(cases, p[:, None], ages)


def settings(confidence: float = 0.9, by_label: bool = False) -> SetSettings:
    return SetSettings(confidence=confidence, by_label=by_label)


def fitted(records: Records, **changes: float) -> PredictionSets:
    return prediction_sets.fit("resnet1d", records, EDGES, settings(**changes))


@pytest.mark.parametrize("skill", [0.0, 1.0, 4.0])
def test_every_age_group_is_covered_as_promised_on_average(skill: float) -> None:
    rng = np.random.default_rng(1)
    found = pd.concat(
        set_coverage.table(fitted(children(rng, 240, skill)), children(rng, 240, skill))
        for _ in range(60)
    )
    mean = found.groupby("group")["coverage"].mean()
    assert set(mean.index) == {*GROUPS, set_coverage.ALL}
    # 60 x 80 records: three standard errors, clustered by 60 calibrations, are about .02.
    assert (mean > 0.9 - 0.02).all()
    assert (mean < 0.9 + 1 / 60 + 0.02).all()


def reluctant(records: Records) -> Records:
    """The same of a model that takes positives for rare, as they are at most ages."""
    odds = records.probabilities / (1 - records.probabilities) * np.exp(-3.0)
    return Records(records.cases, odds / (1 + odds), records.age_days)


def test_one_rule_for_all_ages_fails_neonates_and_one_by_age_does_not() -> None:
    rng = np.random.default_rng(2)
    known, new = reluctant(children(rng, 4000)), reluctant(children(rng, 4000))
    pooled = prediction_sets.fit("one rule", known, [], settings())
    young = (new.age_days < 28).to_numpy()
    p, y = new.probabilities[young, 0], new.cases.y[young, 0]
    rates = [
        prediction_sets.covered(sets.of("chd", p, sets.groups(new.age_days[young])), y).mean()
        for sets in (pooled, fitted(known))
    ]
    assert rates[0] < 0.8
    assert rates[1] == pytest.approx(0.9, abs=0.03)


def test_the_range_that_chance_explains_holds_the_coverage_in_95_percent() -> None:
    rng = np.random.default_rng(3)
    inside, n_fitted, n = [], 50, 60
    low, high = set_coverage.expected(n_fitted, n, 0.9)
    for _ in range(1500):
        scores, new = rng.random(n_fitted), rng.random(n)
        p = (1 + (scores[:, None] >= new).sum(axis=0)) / (n_fitted + 1)
        inside.append(low <= (p >= 0.1).mean() <= high)
    assert 0.94 < np.mean(inside) < 0.985  # discrete: at least 95%


def test_with_too_few_validation_records_everything_is_uncertain() -> None:
    known = children(np.random.default_rng(4), 8)
    sets = fitted(known)
    made = sets.of("chd", np.array([0.001, 0.999]), np.array([GROUPS[0]] * 2))
    assert prediction_sets.answers(made) == [prediction_sets.UNCERTAIN] * 2
    assert set_coverage.expected(8, 100, 0.9) == (1.0, 1.0)


def test_an_age_that_is_not_known_is_uncertain_where_validation_knew_all() -> None:
    sets = fitted(children(np.random.default_rng(5), 300))
    group = sets.groups(pd.Series([pd.NA], dtype="Int64"))
    assert group.tolist() == ["unknown"]
    assert sets.of("chd", np.array([0.001]), group).all()


def test_the_three_answers() -> None:
    made = np.array([[True, False], [False, True], [True, True], [False, False]])
    assert prediction_sets.answers(made) == ["negative", "positive", "uncertain", "uncertain"]
    assert prediction_sets.as_plain(made) == [[0], [1], [0, 1], []]
    assert prediction_sets.covered(made, np.array([0.0, 0, 1, 0])).tolist() == [1, 0, 1, 0]


def test_a_good_model_decides_and_a_useless_one_does_not() -> None:
    rng = np.random.default_rng(6)
    shares = {}
    for skill in (0.0, 3.0):
        table = set_coverage.table(
            fitted(children(rng, 900, skill)), children(rng, 900, skill)
        ).set_index("group")
        shares[skill] = table.loc[GROUPS[1], "uncertain"]
    assert shares[3.0] < 0.15 < 0.5 < shares[0.0]


def test_by_label_the_few_positives_are_covered_too() -> None:
    rng = np.random.default_rng(7)
    known, new = reluctant(children(rng, 3000)), reluctant(children(rng, 3000))
    plain, by_label = (
        set_coverage.table(fitted(known, by_label=label), new).set_index("group")
        for label in (False, True)
    )
    assert by_label.loc[f"{GROUPS[2]}, positive", "coverage"] > 0.8
    rows = (new.cases.y[:, 0] == 1) & (new.age_days >= 365).to_numpy()
    sets = fitted(known)
    made = sets.of("chd", new.probabilities[rows, 0], sets.groups(new.age_days[rows]))
    assert prediction_sets.covered(made, new.cases.y[rows, 0]).mean() < 0.6
    assert plain.loc[GROUPS[2], "coverage"] == pytest.approx(0.9, abs=0.03)


def test_unknown_labels_count_nowhere() -> None:
    known = children(np.random.default_rng(8), 200)
    y = known.cases.y.copy()
    y[::2] = np.nan
    half = Records(
        Cases(known.cases.record_ids, ("chd",), y, known.cases.patients),
        known.probabilities, known.age_days,
    )  # fmt: skip
    sets = fitted(half)
    assert len(sets.scores["chd"].nonconformity) == 100
    table = set_coverage.table(sets, half).set_index("group")
    assert table.loc[set_coverage.ALL, "n"] == 100


@given(p=st.floats(0, 1), age=st.integers(0, 6000))
def test_saved_and_loaded_sets_say_the_same(
    p: float, age: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sets = fitted(children(np.random.default_rng(9), 100))
    file = tmp_path_factory.mktemp("sets") / "resnet1d.json"
    sets.save(file)
    again = prediction_sets.load(file)
    group = sets.groups(pd.Series([age], dtype="Int64"))
    assert (again.of("chd", np.array([p]), group) == sets.of("chd", np.array([p]), group)).all()


@pytest.mark.parametrize("text", ["", "[]", '{"scores": {"chd": 1}}', '{"model": "a"}'])
def test_a_file_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "resnet1d.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PedecgError, match="not a file of prediction sets"):
        prediction_sets.load(file)
    with pytest.raises(PedecgError, match="stage prediction_sets"):
        prediction_sets.load(tmp_path / "absent.json")


def test_a_shift_is_a_loss_of_coverage_with_an_interval() -> None:
    rng = np.random.default_rng(10)
    sets, here = fitted(children(rng, 1500, 2.0)), children(rng, 900, 2.0)
    moved = children(rng, 900, 2.0)
    other = Records(moved.cases, 1 - moved.probabilities, moved.age_days)
    same = children(rng, 900, 2.0)
    internal = set_coverage.table(sets, here)
    lost = set_coverage.loss(
        internal, set_coverage.table(sets, other).assign(cohort="b")
    ).set_index("group")
    kept = set_coverage.loss(internal, set_coverage.table(sets, same).assign(cohort="a")).set_index(
        "group"
    )
    assert (lost.loc[GROUPS, "high"] < 0).all()
    assert (kept.loc[GROUPS, "low"] < 0).all()
    assert (kept.loc[GROUPS, "high"] > 0).all()
    assert len(set_coverage.misses(set_coverage.table(sets, other))) == 3


def test_the_surest_records_are_wrong_least_often() -> None:
    new = children(np.random.default_rng(11), 3000, 1.5)
    table = set_coverage.risk_over_coverage(new.cases, {"a": new.probabilities})
    assert table["coverage"].is_monotonic_increasing
    assert table["coverage"].iloc[-1] == 1
    wrong = (new.probabilities[:, 0] >= 0.5) != (new.cases.y[:, 0] == 1)
    assert table["risk"].iloc[-1] == pytest.approx(wrong.mean())
    assert table["risk"].iloc[4] < 0.5 * table["risk"].iloc[-1]


@pytest.fixture
def run_folder(cohort: Any, scoring: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two models, of which one was validated on another cohort."""
    monkeypatch.chdir(tmp_path)
    for name, skill in (("weak", 0.5), ("strong", 4.0)):
        made = cohort.predictions(skill)
        tables.write(made, f"predictions/{name}.parquet", tables.PREDICTIONS)
        cohort.evaluate(made, scoring).fitted.save(f"calibration/{name}.json")
    away = Path("external/away")
    predicted = cohort.predictions(0.0).assign(split="external")
    tables.write(predicted, away / "predictions/strong.parquet", tables.PREDICTIONS)
    tables.write(cohort.records, away / "interim/records.parquet", tables.RECORDS)
    tables.write(cohort.labels, away / "interim/labels.parquet", tables.LABELS)
    return tmp_path


def test_a_run_has_sets_of_every_model_their_coverage_and_the_external_loss(
    run_folder: Path, cohort: Any
) -> None:
    edges = [365, 1826]
    run = set_coverage.of_run(
        ["weak", "strong"], cohort.labels, cohort.splits, cohort.records, edges, settings()
    )
    assert list(run.sets) == ["weak", "strong"]
    assert set(run.coverage["target"]) == set(run.test.targets)
    mapping = ExternalSettings(
        model=None, bootstrap=0, seed=0, min_positives=1, age_from_days=0, age_to_days=6574,
        mapping={"away": "same"}, mappings={"same": {"abnormal": "abnormal", "chd": "chd"}},
    )  # fmt: skip
    outside = set_coverage.external(run.sets, ["away"], mapping, run_folder / "external")
    assert outside is not None
    assert set(outside["model"]) == {"strong"}
    assert set(outside["target"]) == {"abnormal", "chd"}
    metrics = set_coverage.as_metrics(run.coverage, outside, settings())
    change = metrics["external_minus_test"]["away"]["strong"]["abnormal"]
    assert change["difference"] < -0.1  # predictions of no skill where sets expect much
    assert metrics["test"]["weak"]["abnormal"]["uncertain"] > 0.2
    shutil.rmtree(run_folder / "external/away/predictions")
    assert set_coverage.external(run.sets, ["away"], mapping, run_folder / "external") is None
    set_figures.coverage(run.coverage, outside, 0.9, run_folder, run.test.size, "simulated")
    risk = set_coverage.risk_over_coverage(run.test, run.calibrated)
    set_figures.risk(risk, run.test.size, run_folder / "risk.png", "simulated")
    assert all((run_folder / f"{name}.png").stat().st_size > 5000 for name in ("strong", "risk"))


def test_labels_of_test_records_change_no_set(run_folder: Path, cohort: Any) -> None:
    test = cohort.splits.loc[cohort.splits["split"] == "test", "record_id"]
    changed = cohort.labels.copy()
    here = changed["record_id"].isin(test)
    changed.loc[here, "abnormal"] = 1 - changed.loc[here, "abnormal"]
    made = [
        set_coverage.of_run(["weak"], labels, cohort.splits, cohort.records, [365], settings())
        for labels in (cohort.labels, changed)
    ]
    assert made[0].sets == made[1].sets
    assert not made[0].coverage.equals(made[1].coverage)
