"""Decisions among exclusive classes: rare ones are called where validation records ask for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, class_weights, fit_calibration, multiclass
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import EvaluateSettings, Scoring
from pedecg.evaluation.fit_calibration import CalibrationSettings

CLASSES = ("normal", "af", "other")
SHARES = [0.8, 0.05, 0.15]
SCORING = Scoring(bootstrap=0, seed=0, min_positives=1)


def records(seed: int, n: int = 1500, skill: float = 1.2) -> tuple[Cases, np.ndarray]:
    """Records of three classes with the true probabilities of what is seen of them."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=SHARES)
    seen = rng.normal(size=(n, 3)) + skill * np.eye(3)[true]
    likelihood = np.exp(-0.5 * ((seen[:, None, :] - skill * np.eye(3)) ** 2).sum(axis=2))
    p = likelihood * SHARES
    ids = tuple(f"r{k:05d}" for k in range(n))
    return Cases(ids, CLASSES, np.eye(3)[true], np.arange(n)), p / p.sum(axis=1, keepdims=True)


def f1(cases: Cases, p: np.ndarray, weights: tuple[float, ...]) -> float:
    found = multiclass.as_metrics(cases, np.stack([p, p]), [], SCORING, np.array([weights] * 2))
    return float(found["f1_macro"]["value"])


def test_the_mean_f1_of_new_records_rises() -> None:
    gains = []
    for seed in range(6):
        weights = class_weights.fit(*records(seed), [])
        cases, p = records(100 + seed)
        gains.append(f1(cases, p, weights) - f1(cases, p, (1.0, 1.0, 1.0)))
    assert np.mean(gains) > 0.03
    assert min(gains) > -0.01


def test_where_the_likeliest_class_is_right_it_stays() -> None:
    assert class_weights.fit(*records(1, skill=12.0), []) == (1.0, 1.0, 1.0)


def test_unknown_classes_change_nothing() -> None:
    cases, p = records(2)
    y = np.vstack([cases.y, np.full((50, 3), np.nan)])
    more = Cases((*cases.record_ids, *(f"x{k}" for k in range(50))), CLASSES, y, np.arange(len(y)))
    drawn = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    assert class_weights.fit(more, np.vstack([p, drawn]), []) == class_weights.fit(cases, p, [])


@pytest.mark.parametrize(("rule", "weighted"), [("likeliest", False), ("f1", True)])
def test_the_rule_is_a_parameter_and_is_kept_on_disk(
    rule: str, weighted: bool, tmp_path: Path
) -> None:
    calibrating = CalibrationSettings.model_validate(
        {"methods": ["none"], "folds": 2, "seed": 0, "rule": "f1", "rate": 0.9, "class_rule": rule}
    )
    settings = EvaluateSettings(
        bootstrap=0, seed=0, min_positives=1, calibration=calibrating, challenge_classes=[]
    )
    cases, p = records(3)
    enough = np.ones(3, bool)
    plain = fit_calibration.fit("m", cases, p[None], [0], calibrating, enough, True)
    fitted = class_weights.fit_all(plain, cases, p[None], [0], settings)
    assert bool(fitted.class_weights) is weighted
    fitted.save(tmp_path / "m.json")
    again = calibration.load(tmp_path / "m.json")
    new = records(4)[1]
    assert (again.decide(new) == fitted.decide(new)).all()
    likeliest = np.eye(3)[new.argmax(axis=1)]
    assert (fitted.decide(new) == likeliest).all() is np.bool_(not weighted)
    assert fitted.decide(new).sum(axis=1).tolist() == [1] * len(new)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, np.inf, 1.0)])
def test_impossible_weights_are_refused(weights: tuple[float, ...], tmp_path: Path) -> None:
    cases, p = records(5, n=50)
    settings = CalibrationSettings(methods=["none"], folds=2, seed=0, rule="f1", rate=0.9)
    fitted = fit_calibration.fit("m", cases, p[None], [0], settings, np.ones(3, bool), True)
    text = [str(one).replace("inf", "Infinity") for one in weights]
    fitted.save(tmp_path / "m.json")
    file = tmp_path / "m.json"
    own = f'"class_weights": {{"mean": [{", ".join(text)}]}}'
    file.write_text(file.read_text().replace('"class_weights": {}', own))
    with pytest.raises(PedecgError, match="not a calibration file"):
        calibration.load(file)


def test_some_of_the_classes_keep_their_weights() -> None:
    cases, p = records(6, n=200)
    settings = CalibrationSettings(methods=["none"], folds=2, seed=0, rule="f1", rate=0.9)
    plain: Calibration = fit_calibration.fit(
        "m", cases, p[None], [0], settings, np.ones(3, bool), True
    )
    weighted = replace(plain, class_weights={"mean": (0.2, 1.0, 0.5)})
    assert weighted.only(["other", "normal"]).class_weights == {"mean": (0.5, 0.2)}
