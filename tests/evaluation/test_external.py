"""External validation: thresholds unchanged, excluded records counted."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, cases, external_validation, label_mapping
from pedecg.evaluation.external_validation import ExternalSettings

SETTINGS = ExternalSettings(
    model="net",
    bootstrap=100,
    seed=0,
    min_positives=5,
    age_from_days=100,
    age_to_days=4000,
    mapping="stated",
    mappings={"stated": {"abnormal": "any(abnormal, chd)", "chd": "chd"}},
)


@pytest.fixture
def outcome(cohort) -> external_validation.Outcome:
    here = cohort.predictions(3.0)
    renamed = {"record_id": "X" + cohort.records["record_id"]}
    records = cohort.records.assign(**renamed)
    external = cases.of_records(
        label_mapping.apply(
            cohort.labels.assign(record_id="X" + cohort.labels["record_id"]),
            SETTINGS.chosen(("abnormal", "chd", "kawasaki"))[0],
        ),
        records,
    )
    weaker = cohort.predictions(1.0)
    there = weaker.assign(record_id="X" + weaker["record_id"], split="external")
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    fitted = cohort.evaluate(here, SETTINGS).fitted
    return external_validation.validate((here, there), fitted, test, external, [0, 1], SETTINGS)


def test_thresholds_are_those_of_the_internal_validation_split(
    outcome: external_validation.Outcome,
) -> None:
    np.testing.assert_array_equal(outcome.external.cuts, outcome.internal.cuts)


def test_only_mapped_targets_are_set_side_by_side(outcome: external_validation.Outcome) -> None:
    assert outcome.internal.cases.targets == outcome.external.cases.targets == ("abnormal", "chd")


def test_a_weaker_external_result_shows_as_a_drop(outcome: external_validation.Outcome) -> None:
    written = external_validation.as_metrics(outcome, SETTINGS)
    chd = written["external_minus_internal"]["chd"]["auroc"]
    assert chd["low"] < chd["value"] < chd["high"] < 0
    assert set(written["external"]["targets"]) == {"abnormal", "chd"}
    assert "net: macro AUROC" in external_validation.sentence("net", outcome)
    shown = external_validation.summary("net", outcome)["auroc"]
    assert shown["external"] < shown["internal"]


def test_predictions_round_trip_through_their_table(outcome: external_validation.Outcome) -> None:
    who = outcome.external.cases
    p = np.random.default_rng(0).random((2, len(who.record_ids), len(who.targets)))
    table = cases.as_predictions(p, who.record_ids, [3, 5], who.targets, "external")
    np.testing.assert_array_equal(cases.probabilities(table, who, "made"), p)


def test_who_is_left_out_is_counted_once_by_reason(cohort) -> None:
    records = cohort.records.copy()
    records.loc[:2, "age_days"] = pd.NA
    stored = tuple(records["record_id"].iloc[:-1])
    kept, left_out = external_validation.eligible(records, stored, SETTINGS)
    assert left_out["age_unknown"] == 3
    assert left_out["too_young"] > 0
    assert left_out["too_old"] > 0
    assert len(kept) + sum(left_out.values()) == len(records)
    assert kept["age_days"].between(100, 4000).all()


def test_no_record_left_is_reported_in_one_line(cohort) -> None:
    with pytest.raises(PedecgError, match="no record of 100 to 4000 days is left"):
        external_validation.eligible(cohort.records, (), SETTINGS)


def test_targets_that_the_model_does_not_know_are_left_out_and_named() -> None:
    assert SETTINGS.chosen(("chd", "norm")) == ({"chd": "chd"}, ["abnormal"])
    assert SETTINGS.chosen(("norm",)) == ({}, ["abnormal", "chd"])
    assert external_validation.summary("net", None)["auroc"] == {"internal": None, "external": None}


def test_a_wrong_mapping_is_reported_in_one_line() -> None:
    other = SETTINGS.model_copy(update={"mapping": "other"})
    with pytest.raises(PedecgError, match="mapping other: not found; mappings are stated"):
        other.chosen(("chd",))


def test_calibration_in_the_large_finds_a_shift_of_the_logit(
    outcome: external_validation.Outcome,
) -> None:
    rng = np.random.default_rng(0)
    n = 4000
    logit = rng.normal(-1, 1, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)[:, None]
    who = cases.Cases(tuple(map(str, range(n))), ("a",), y, np.arange(n))
    over = 1 / (1 + np.exp(-(logit + 0.7)))[:, None]
    weights = bootstrap.counts(who.patients, 50, 0)
    found = external_validation.calibration_in_the_large(who, over, 0, weights)
    assert found["intercept"] == pytest.approx(-0.7, abs=0.1)
    assert 0 < found["excess"]["low"] < found["excess"]["value"] < found["excess"]["high"]
    assert found["excess"]["value"] == pytest.approx(found["predicted"] - found["observed"])


def test_the_case_mix_sets_both_cohorts_side_by_side(cohort) -> None:
    who = cases.of_records(cohort.labels, cohort.records)
    half = cohort.records.iloc[:50].reset_index(drop=True)
    table = external_validation.case_mix(
        {
            "internal": (cohort.records, who),
            "external": (half, cases.of_records(cohort.labels, half)),
        }
    ).set_index("characteristic")
    assert table.loc["records", "external"] == 50
    assert table.loc["twelve leads", "internal"] == 0
    assert 0 < table.loc["chd", "external"] < 1
