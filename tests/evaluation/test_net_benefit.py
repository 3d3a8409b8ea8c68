"""Net benefit is what Vickers and Elkin define."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.evaluation import cases, net_benefit
from pedecg.plots import decision_curves


@given(st.integers(0, 1000), st.floats(0.02, 0.95))
def test_net_benefit_weighs_false_alarms_by_the_odds(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    y, p = (rng.random(50) < 0.3).astype(float), rng.random(50)
    found = net_benefit.net_benefit(y, p, np.ones((50, 1)), np.array([threshold]))[0, 0]
    hits, alarms = (p[y == 1] >= threshold).sum(), (p[y == 0] >= threshold).sum()
    assert found == pytest.approx(hits / 50 - alarms / 50 * threshold / (1 - threshold))


def test_treating_all_and_none_stand_beside_every_model(cohort, scoring, tmp_path: Path) -> None:
    done = cohort.evaluate(cohort.predictions(4.0), scoring)
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    stated = {"strong": done.stated["test"].p[0]}
    table = net_benefit.curves(test, stated, np.array([True, True, False]), 50, 0)
    assert set(table["model"]) == {"strong", net_benefit.ALL, net_benefit.NONE}
    assert set(table["target"]) == {"abnormal", "chd"}
    chd = table[table["target"] == "chd"].set_index(["model", "threshold"])["net_benefit"]
    assert (chd[net_benefit.NONE] == 0).all()
    prevalence = np.nanmean(test.y[:, 1])
    assert chd[net_benefit.ALL, net_benefit.THRESHOLDS[0]] == pytest.approx(
        prevalence - (1 - prevalence) * 0.01 / 0.99
    )
    middle = net_benefit.THRESHOLDS[29]
    assert chd["strong", middle] > max(chd[net_benefit.ALL, middle], 0)
    shares = net_benefit.prevalences(test, np.array([True, True, False]))
    assert shares["chd"] == pytest.approx(prevalence)
    for name in ("a.png", "b.png"):
        decision_curves.draw(table, shares, "made-up patients", tmp_path / name, "zzu")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_no_target_to_draw_is_stated(cohort, scoring, tmp_path: Path) -> None:
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    stated = {"model": np.zeros_like(test.y)}
    table = net_benefit.curves(test, stated, np.zeros(3, bool), 10, 0)
    assert "No target" in net_benefit.sentence(table)
    decision_curves.draw(table, {}, "made-up patients", tmp_path / "empty.png", "zzu")
