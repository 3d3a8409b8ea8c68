"""The effect of decisions on a model is that of the errors which they correct."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.review_app import retraining_effect
from pedecg.review_app.answers import Answers
from pedecg.review_app.journal import Entry

N_TRAIN, N_TEST, N_MEASURES = 400, 3000, 25
READERS = ((0.95, 0.95), (0.9, 0.97))  # sensitivity, specificity


class Hospital:
    """Measures that predict a disease, and recorded labels that miss a third of it."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(N_TRAIN + N_TEST, N_MEASURES))
        score = self.x @ rng.normal(size=N_MEASURES) / np.sqrt(N_MEASURES)
        self.truth = (2 * score + rng.logistic(size=len(score)) * 0.7 > 0).astype(int)
        flipped = rng.random(N_TRAIN) < np.where(self.x[:N_TRAIN, 0] > 0, 0.5, 0.05)
        self.recorded = self.truth.copy()
        self.recorded[:N_TRAIN][flipped] = 1 - self.recorded[:N_TRAIN][flipped]
        self.names = [f"r{k}" for k in range(len(self.truth))]
        self.rng = rng

    @property
    def labels(self) -> pd.DataFrame:
        """As recorded; the test labels are right."""
        return tables.check(
            pd.DataFrame({"record_id": self.names, "chd": self.recorded}), tables.LABELS, "labels"
        )

    @property
    def splits(self) -> pd.DataFrame:
        split = ["train"] * N_TRAIN + ["test"] * N_TEST
        return pd.DataFrame({"record_id": self.names, "patient_id": self.names, "split": split})

    def predictions(self, labels: np.ndarray) -> pd.DataFrame:
        """Of a logistic model trained on these labels."""
        model = LogisticRegression(C=1.0).fit(self.x[:N_TRAIN], labels[:N_TRAIN])
        p = model.predict_proba(self.x)[:, 1]
        split = self.splits["split"]
        return pd.DataFrame(
            {"record_id": self.names, "split": split, "seed": 0, "label": "chd", "probability": p}
        )

    def reviewed(self) -> np.ndarray:
        """Labels after two readers have answered every training case and agreed or not."""
        entries = []
        for reader, (sensitivity, specificity) in enumerate(READERS):
            for k in range(N_TRAIN):
                p = sensitivity if self.truth[k] else 1 - specificity
                word = ("absent", "present")[int(self.rng.random() < p)]
                entries.append(
                    Entry(
                        len(entries) + 1, "t", "answer", f"R{reader}", self.names[k], "chd",
                        answers={"chd": word}, given={"chd": int(self.recorded[k])},
                    )
                )  # fmt: skip
        answers, cleaned = Answers(entries), self.recorded.copy()
        for k in range(N_TRAIN):
            if answers.final((self.names[k], "chd")).decision == "flip":
                cleaned[k] = 1 - cleaned[k]
        return cleaned


def test_readers_with_known_error_rates_give_the_effect_that_truth_predicts():
    hospital = Hospital(seed=0)
    without = hospital.predictions(hospital.recorded)

    def against(labels):
        found = retraining_effect.effect(
            without, hospital.predictions(labels), hospital.labels, hospital.splits, set()
        )
        return found["targets"]["chd"]

    best, reviewed = against(hospital.truth), against(hospital.reviewed())
    assert best["low"] > 0.02
    assert reviewed["low"] > 0
    # Both are wrong in 0.5 % of the ill and 0.2 % of the well; they differ in 8 to 14 %.
    assert 0.6 * best["difference"] < reviewed["difference"] <= best["high"]


def test_the_same_model_twice_has_no_effect():
    hospital = Hospital(seed=1)
    same = hospital.predictions(hospital.recorded)
    found = retraining_effect.effect(same, same, hospital.labels, hospital.splits, set())
    assert found["targets"]["chd"]["difference"] == 0
    assert (found["targets"]["chd"]["low"], found["targets"]["chd"]["high"]) == (0, 0)
    assert found["patients"] == N_TEST


def test_patients_with_a_decision_are_not_scored():
    hospital = Hospital(seed=2)
    same = hospital.predictions(hospital.recorded)
    touched = {"r0", *hospital.names[N_TRAIN : N_TRAIN + 700]}
    found = retraining_effect.effect(same, same, hospital.labels, hospital.splits, touched)
    assert (found["patients"], found["left_out_patients"]) == (N_TEST - 700, 700)
    assert "700 test patients left out" in retraining_effect.as_text(found)[0]
    with pytest.raises(PedecgError, match="no test patient"):
        retraining_effect.effect(same, same, hospital.labels, hospital.splits, set(hospital.names))


def test_a_target_with_too_few_cases_has_a_reason_instead_of_a_figure():
    hospital = Hospital(seed=3)
    same = hospital.predictions(hospital.recorded)
    found = retraining_effect.effect(
        same, same, hospital.labels, hospital.splits, set(), min_positives=N_TEST
    )
    one = found["targets"]["chd"]
    assert one["difference"] is None
    assert "expected at least" in one["reason"]
    assert all("nan" not in line for line in retraining_effect.as_text(found))


def test_predictions_of_other_targets_are_refused():
    hospital = Hospital(seed=4)
    same = hospital.predictions(hospital.recorded)
    with pytest.raises(PedecgError, match="targets"):
        retraining_effect.effect(
            same, same.assign(label="flu"), hospital.labels, hospital.splits, set()
        )
