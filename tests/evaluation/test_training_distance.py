"""Distance from the training records: few false alarms, and what is wrong is flagged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core.errors import PedecgError
from pedecg.evaluation import training_distance
from pedecg.evaluation.training_distance import NAMES, DistanceSettings, TrainingDistance

SETTINGS = DistanceSettings(false_alarm_rate=0.05)


def children(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Measures with heavy tails that depend on each other, and on age."""
    age = rng.normal(size=(n, 1))
    shared, own = rng.standard_t(4, size=(n, 1)), rng.standard_t(4, size=(n, len(NAMES)))
    values = 1.5 * age + 0.5 * shared + 0.5 * own
    values[rng.random(values.shape) < 0.03] = np.nan
    table = pd.DataFrame(values, columns=list(NAMES))
    table[training_distance.AGE] = age[:, 0]
    return table


def split_of(n: int) -> pd.Series:
    names = ["train"] * (3 * n // 5) + ["validation"] * (n // 5)
    return pd.Series(names + ["test"] * (n - len(names)))


def fitted(seed: int = 0, n: int = 1000) -> TrainingDistance:
    return training_distance.fit(children(np.random.default_rng(seed), n), split_of(n), SETTINGS)


def test_the_false_alarm_rate_is_kept_on_average() -> None:
    shares = [fitted(seed, 400).test for seed in range(25)]
    rate = sum(one.flagged for one in shares) / sum(one.records for one in shares)
    assert 0.02 < rate < 0.065  # 2,000 records, 25 limits of 80 validation records each


def test_a_child_with_the_ecg_of_another_age_is_far() -> None:
    found, rng = fitted(), np.random.default_rng(9)
    plain = children(rng, 300)
    other = plain.assign(log_age=-3 * np.sign(plain["log_age"]))
    shares = [(found.distances(table) > found.limit).mean() for table in (plain, other)]
    assert shares[0] < 0.1
    assert shares[1] > 0.6


def test_the_flag_names_the_measure_and_the_false_alarms() -> None:
    found = fitted()
    far = children(np.random.default_rng(3), 1).fillna(0.0).assign(qrs_ms=60.0)
    text = found.flag(far)
    assert text is not None
    assert "qrs_ms +" in text
    assert "at most 5%" in text
    assert f"{found.test.flagged} of 200 test records" in text
    assert found.flag(far * 0) is None


def test_missing_leads_do_not_make_a_record_far() -> None:
    found, table = fitted(), children(np.random.default_rng(4), 300)
    fewer = table.copy()
    fewer[[c for c in NAMES if c.endswith("_v6_mv")]] = np.nan
    assert (found.distances(fewer) > found.limit).mean() < 0.1


def test_with_nothing_known_nothing_is_stated() -> None:
    nothing = pd.DataFrame([dict.fromkeys(NAMES, np.nan)])
    assert np.isnan(fitted().distances(nothing)).all()
    assert fitted().flag(nothing) is None


def test_too_few_validation_records_give_no_limit() -> None:
    few = fitted(n=80)
    assert few.validation_records == 16
    assert few.limit is None
    assert few.flag(children(np.random.default_rng(5), 1) * 1e6) is None


def test_test_records_change_neither_distribution_nor_limit() -> None:
    table, split = children(np.random.default_rng(6), 500), split_of(500)
    changed = table.copy()
    changed.loc[split == "test"] = 1e3
    before, after = (training_distance.fit(t, split, SETTINGS) for t in (table, changed))
    assert replace(before, test=after.test) == after
    assert after.test.flagged == after.test.records == 100


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    found = fitted()
    found.save(tmp_path / "distance.json")
    assert training_distance.load(tmp_path / "distance.json") == found


@pytest.mark.parametrize("text", ["", "[]", '{"test": {}}', '{"names": ["a"]}'])
def test_a_file_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "distance.json").write_text(text, encoding="utf-8")
    with pytest.raises(PedecgError, match="not a training distance"):
        training_distance.load(tmp_path / "distance.json")
    with pytest.raises(PedecgError, match="stage training_distance"):
        training_distance.load(tmp_path / "absent.json")
