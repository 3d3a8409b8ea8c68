"""Kappa is what its formula says, and what readers with known error rates must come to."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from pedecg.evaluation import curves
from pedecg.review_app import agreement, review_summary
from pedecg.review_app.answers import Answers
from pedecg.review_app.journal import Entry
from pedecg.review_app.worklist import Item, Worklist

WORDS = np.array(["absent", "present"])


def expected_kappa(prevalence: float, first: tuple[float, float], second: tuple[float, float]):
    """Cohen's kappa of two readers who err independently, by sensitivity and specificity."""
    shares = (1 - prevalence, prevalence)
    says = [((1 - specificity), sensitivity) for sensitivity, specificity in (first, second)]
    agree = sum(
        share * (says[0][t] * says[1][t] + (1 - says[0][t]) * (1 - says[1][t]))
        for t, share in enumerate(shares)
    )
    a, b = (sum(share * one[t] for t, share in enumerate(shares)) for one in says)
    chance = a * b + (1 - a) * (1 - b)
    return (agree - chance) / (1 - chance)


def simulated(n, prevalence, readers, seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < prevalence
    answers = []
    for sensitivity, specificity in readers:
        p = np.where(truth, sensitivity, 1 - specificity)
        answers.append(WORDS[(rng.random(n) < p).astype(int)].tolist())
    return answers


READERS = ((0.85, 0.9), (0.7, 0.95))
TRUE = expected_kappa(0.3, *READERS)


def test_two_readers_with_known_error_rates_give_the_kappa_that_truth_predicts():
    first, second = simulated(4000, 0.3, READERS, seed=1)
    found = agreement.of_pair(first, second, [str(k) for k in range(4000)])
    assert found.low < TRUE < found.high
    assert found.value == pytest.approx(TRUE, abs=0.03)
    assert found.high - found.low < 0.08


def test_the_interval_holds_the_truth_about_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(agreement, "N_BOOTSTRAP", 300)
    held = 0
    for seed in range(200):
        first, second = simulated(150, 0.3, READERS, seed)
        found = agreement.of_pair(first, second, [str(k) for k in range(150)], seed)
        held += found.low <= TRUE <= found.high
    assert 180 <= held <= 199  # 190 expected; the percentile interval is a little narrow


def test_cases_of_one_patient_widen_the_interval():
    first, second = simulated(100, 0.3, READERS, seed=3)
    alone = agreement.of_pair(first * 4, second * 4, [str(k) for k in range(400)])
    clustered = agreement.of_pair(first * 4, second * 4, [str(k) for k in range(100)] * 4)
    assert clustered.value == pytest.approx(alone.value)
    assert (clustered.high - clustered.low) > 1.6 * (alone.high - alone.low)  # 2 expected


@pytest.mark.parametrize("seed", range(5))
def test_cohen_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first = rng.choice(["present", "absent", "uncertain"], 80).tolist()
    second = [a if rng.random() < 0.6 else "absent" for a in first]
    found = agreement.of_pair(first, second, [str(k) for k in range(80)])
    assert found.value == pytest.approx(cohen_kappa_score(first, second))


def test_fleiss_gives_the_published_example():
    """Fleiss 1971: 30 patients, 6 psychiatrists, 5 diagnoses; kappa 0.430."""
    counts = [
        [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
        [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
        [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
        [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3],
        [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1],
        [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
    ]  # fmt: skip
    answers = [[str(c) for c, n in enumerate(row) for _ in range(n)] for row in counts]
    found = agreement.of_many(answers, [str(k) for k in range(30)])
    assert found.value == pytest.approx(0.430, abs=0.001)
    assert found.low < found.value < found.high


def test_what_cannot_be_reported_is_not_a_number_and_has_a_reason():
    nobody = agreement.of_many([["present"], []], ["a", "b"])
    assert np.isnan(nobody.value)
    assert "two readers" in nobody.reason
    same = agreement.of_pair(["absent"] * 12, ["absent"] * 12, [str(k) for k in range(12)])
    assert np.isnan(same.value)
    assert same.observed == 1
    assert "same" in same.reason
    few = agreement.of_pair(["absent", "present"], ["absent", "present"], ["a", "b"])
    assert few.value == 1
    assert np.isnan(few.low)
    assert "too few" in few.reason


def test_the_summary_of_a_simulated_review_says_what_truth_predicts(labels_of):
    n = 600
    rng = np.random.default_rng(5)
    wrong = rng.random(n) < np.linspace(0.8, 0.0, n)  # the first candidates are worst
    truth = rng.random(n) < 0.3
    given = np.where(wrong, ~truth, truth).astype(int)
    items = [Item(k + 1, f"r{k}", "chd", f"p{k}", int(given[k])) for k in range(n)]
    entries = []
    for reader, (sensitivity, specificity) in zip(("Anna", "Ben"), READERS, strict=True):
        for k in range(n):
            p = sensitivity if truth[k] else 1 - specificity
            word = str(WORDS[int(rng.random() < p)])
            entries.append(
                Entry(
                    len(entries) + 1, "t", "answer", reader, f"r{k}", "chd",
                    answers={"chd": word}, given={"chd": int(given[k])}, blinded=True,
                )
            )  # fmt: skip
    worklist = Worklist(items, labels_of(given))
    found = review_summary.summary(worklist, Answers(entries))
    kappa = found["agreement"]["pairs"][0]
    assert kappa["low"] < TRUE < kappa["high"]
    first = next(row for row in found["confirmed_errors"] if row["first"] == 100)
    # Among cases on which two readers agree, few are both wrong.
    assert first["precision"] == pytest.approx(wrong[:100].mean(), abs=0.1)
    assert found["disagreements"] + sum(found["decisions"].values()) == n


@pytest.fixture
def labels_of():
    import pandas as pd

    def table(given):
        return pd.DataFrame({"record_id": [f"r{k}" for k in range(len(given))], "chd": given})

    return table


def test_wilson_gives_the_published_interval():
    """Newcombe RG. Stat Med 1998;17:857-872, table I: 81 of 263."""
    assert curves.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=0.0001)
    assert curves.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=0.0001)
