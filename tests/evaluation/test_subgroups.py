"""Subgroups: every record in one group of each factor, gaps found where there are some."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.evaluation import cases, subgroups
from pedecg.evaluation.evaluate import Scoring
from pedecg.evaluation.subgroups import SubgroupSettings
from pedecg.plots import subgroup_figure

SETTINGS = SubgroupSettings(
    models=None,
    length_edges_s=[10, 30],
    noisy_share=0.5,
    min_psqi=0.3,
    min_bassqi=0.6,
    crossed=True,
)
SCORING = Scoring(bootstrap=60, seed=0, min_positives=5)
AGE_EDGES = [365, 1826]


def described(cohort) -> tuple[pd.DataFrame, pd.DataFrame]:
    records = cohort.records.copy()
    odd = np.arange(len(records)) % 2 == 1
    records["sex"] = np.where(odd, "male", "female")
    records["n_samples"] = np.where(odd, 2000, 30_000)
    records.loc[:1, "sex"] = pd.NA
    records["acquired_at"] = np.where(odd, "2021-05-01 10:00", "03.04.2019")
    records.loc[0, "acquired_at"] = None
    quality = pd.DataFrame(
        {
            "record_id": np.repeat(records["record_id"], 2),
            "lead": ["I", "II"] * len(records),
            "usable": True,
            "flaw": None,
            "psqi": np.repeat(np.where(odd, 0.1, 0.6), 2),
            "bassqi": 0.9,
        }
    )
    for column in set(tables.QUALITY.columns) - set(quality):
        quality[column] = 0.0
    return records, tables.check(quality, tables.QUALITY, "made")


@pytest.fixture(scope="module")
def group(cohort) -> pd.DataFrame:
    return subgroups.groups(*described(cohort), AGE_EDGES, SETTINGS)


def test_every_record_is_in_one_group_of_each_factor(cohort, group: pd.DataFrame) -> None:
    assert list(group.columns) == ["age", "leads", "sex", "quality", "length", "year"]
    assert not group.isna().any().any()
    assert group.index.tolist() == cohort.records["record_id"].tolist()
    assert list(group["length"].cat.categories) == ["under 10 s", "30 s and more"]
    assert list(group["year"].cat.categories) == ["2019", "2021", "unknown"]
    assert list(group["sex"].cat.categories) == ["female", "male", "unknown"]
    assert set(group["quality"]) == {"clean", "noisy"}
    assert set(group["leads"]) == {"9 leads"}


@pytest.fixture(scope="module")
def looked(cohort, group: pd.DataFrame) -> subgroups.GroupScores:
    """A model that serves boys well and girls not at all."""
    predictions = cohort.predictions(5.0)
    girl = predictions["record_id"].map(group["sex"]).eq("female")
    rng = np.random.default_rng(0)
    guessed = predictions["probability"].where(~girl, rng.random(len(predictions)))
    done = cohort.evaluate(predictions.assign(probability=guessed), SCORING)
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    return subgroups.score("made", test, done.stated["test"], group, SETTINGS, SCORING)


def test_groups_of_a_factor_hold_all_records_once(looked: subgroups.GroupScores) -> None:
    aurocs = looked.table[looked.table["metric"] == "auroc"]
    counted = aurocs.groupby(["factor", "target"])["n"].sum()
    for factor in ("age", "leads", "sex", "quality", "length", "year"):
        assert counted[factor].tolist() == counted["all"].tolist()


def test_the_largest_gap_is_found_and_named(looked: subgroups.GroupScores) -> None:
    gap = subgroups.largest(looked.gaps)["abnormal"]
    assert (gap["factor"], gap["worse"], gap["better"]) == ("sex", "female", "male")
    assert 0 < gap["low"] < gap["difference"] < gap["high"]
    assert gap["p_holm"] < 0.05
    reported = subgroups.sentence(looked.gaps)
    assert "female below male" in reported
    assert "abnormal by sex" in reported.split("larger than chance: ")[1]


def test_a_group_with_too_few_cases_has_no_figure(looked: subgroups.GroupScores) -> None:
    few = looked.table[looked.table["positives"] < SCORING.min_positives]
    assert len(few)
    assert few["value"].isna().all()


def test_pairs_of_factors_are_crossed_on_request(looked: subgroups.GroupScores) -> None:
    assert "age x sex" in set(looked.table["factor"])
    crossed = looked.table[looked.table["factor"] == "sex x length"]
    assert set(crossed["group"]) <= {"female, 30 s and more", "male, under 10 s"}


def test_the_picture_is_the_same_bytes_again(looked: subgroups.GroupScores, tmp_path: Path) -> None:
    title = subgroups.sentence(looked.gaps)
    for name in ("a.png", "b.png"):
        subgroup_figure.draw(looked.table, title, "made-up patients", tmp_path / name, "zzu")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
