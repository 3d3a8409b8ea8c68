"""Net benefit is what Vickers and Elkin define."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.evaluation import cases, decision_curves


@given(st.integers(0, 1000), st.floats(0.02, 0.95))
def test_net_benefit_weighs_false_alarms_by_the_odds(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    y, p = (rng.random(50) < 0.3).astype(float), rng.random(50)
    found = decision_curves.net_benefit(y, p, np.ones((50, 1)), np.array([threshold]))[0, 0]
    hits, alarms = (p[y == 1] >= threshold).sum(), (p[y == 0] >= threshold).sum()
    assert found == pytest.approx(hits / 50 - alarms / 50 * threshold / (1 - threshold))


def test_treating_all_and_none_stand_beside_every_model(cohort, scoring, tmp_path: Path) -> None:
    done = cohort.evaluate(cohort.predictions(4.0), scoring)
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    said = {"strong": done.said["test"].p[0]}
    table = decision_curves.curves(test, said, np.array([True, True, False]), 50, 0)
    assert set(table["model"]) == {"strong", decision_curves.ALL, decision_curves.NONE}
    assert set(table["target"]) == {"abnormal", "chd"}
    chd = table[table["target"] == "chd"].set_index(["model", "threshold"])["net_benefit"]
    assert (chd[decision_curves.NONE] == 0).all()
    prevalence = np.nanmean(test.y[:, 1])
    assert chd[decision_curves.ALL, decision_curves.THRESHOLDS[0]] == pytest.approx(
        prevalence - (1 - prevalence) * 0.01 / 0.99
    )
    middle = decision_curves.THRESHOLDS[29]
    assert chd["strong", middle] > max(chd[decision_curves.ALL, middle], 0)
    for name in ("a.png", "b.png"):
        decision_curves.draw(table, "made-up patients", tmp_path / name, "zzu")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_no_target_to_draw_is_said(cohort, scoring, tmp_path: Path) -> None:
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    said = {"model": np.zeros_like(test.y)}
    table = decision_curves.curves(test, said, np.zeros(3, bool), 10, 0)
    assert "No target" in decision_curves.sentence(table)
    decision_curves.draw(table, "made-up patients", tmp_path / "empty.png", "zzu")
