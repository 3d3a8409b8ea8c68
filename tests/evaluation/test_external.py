"""External validation: thresholds unchanged, excluded records counted."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.evaluation import (
    bootstrap,
    case_mix,
    cases,
    external_table,
    external_validation,
    label_mapping,
    metrics,
)
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.plots import forest_plot

SETTINGS = ExternalSettings(
    model="net",
    bootstrap=100,
    seed=0,
    min_positives=5,
    age_from_days=100,
    age_to_days=4000,
    mapping={"there": "stated"},
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
            SETTINGS.chosen("there", ("abnormal", "chd", "kawasaki"))[0],
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
    shown = external_validation.macro_auroc(outcome)
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
    assert SETTINGS.chosen("there", ("chd", "norm")) == ({"chd": "chd"}, ["abnormal"])
    assert SETTINGS.chosen("there", ("norm",)) == ({}, ["abnormal", "chd"])
    assert external_validation.macro_auroc(None) == {"internal": None, "external": None}


def test_a_wrong_mapping_is_reported_in_one_line() -> None:
    other = SETTINGS.model_copy(update={"mapping": {"there": "other"}})
    with pytest.raises(PedecgError, match=r"mapping.there names 'other': not found; mappings are"):
        other.chosen("there", ("chd",))
    with pytest.raises(PedecgError, match=r"mapping.elsewhere: missing; mappings are stated"):
        other.chosen("elsewhere", ("chd",))


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
    table = case_mix.table(
        {
            "internal": (cohort.records, who),
            "external": (half, cases.of_records(cohort.labels, half)),
        }
    ).set_index("characteristic")
    assert table.loc["records", "external"] == 50
    assert table.loc["twelve leads", "internal"] == 0
    assert 0 < table.loc["chd", "external"] < 1


def test_records_with_electrodes_besides_the_twelve_leads_have_twelve_leads(cohort) -> None:
    fifteen = f"{' '.join(LEADS)} V3R V4R V7"
    nine = " ".join(NINE_LEADS)
    leads = [fifteen if number % 4 else nine for number in range(len(cohort.records))]
    there = cohort.records.assign(leads=leads)
    table = case_mix.table({"there": (there, cases.of_records(cohort.labels, there))}).set_index(
        "characteristic"
    )
    share = np.mean([of == fifteen for of in leads])
    assert table.loc["twelve leads", "there"] == pytest.approx(share)


def test_one_table_has_the_internal_test_set_once_and_every_external_cohort(
    outcome: external_validation.Outcome,
) -> None:
    figures = external_validation.as_metrics(outcome, SETTINGS)
    macro = {"macro_auroc": external_validation.macro_auroc(outcome)}
    mapping = {"abnormal": "any(abnormal, chd)", "chd": "chd"}
    part = {"abnormal": "sick"}
    only = {
        side: {**figures[side], "targets": {"abnormal": figures[side]["targets"]["abnormal"]}}
        for side in ("internal", "external")
    }
    found = {
        "north": {"mapping": mapping, **macro, **figures},
        "south": {"mapping": part, **macro, **only},
        "east": {"mapping": {}, "macro_auroc": {"internal": None, "external": None},
                 "external": None},
    }  # fmt: skip
    rows = external_table.table(found)
    assert list(zip(rows["cohort"], rows["target"], rows["label"], strict=True)) == [
        (external_table.INTERNAL, "abnormal", "abnormal"),
        (external_table.INTERNAL, "chd", "chd"),
        ("north", "abnormal", "any(abnormal, chd)"),
        ("north", "chd", "chd"),
        ("south", "abnormal", "sick"),
    ]
    internal, north = rows.iloc[1], rows.iloc[3]
    counted = outcome.internal.cases.y[:, 1]
    assert internal["positives"] == np.nansum(counted)
    column = metrics.METRICS.index("auroc")
    assert internal["auroc"] == pytest.approx(outcome.internal.values[1, column])
    assert north["auroc"] == pytest.approx(outcome.external.values[1, column])
    assert north["auroc_low"] < north["auroc"] < north["auroc_high"] < internal["auroc"]
    known = ~np.isnan(counted)
    expected = outcome.internal_probabilities[known, 1].mean()
    assert internal["predicted"] == pytest.approx(expected)
    assert list(external_table.summary("net", found)["auroc"]) == ["north", "south", "east"]
    assert "north" in external_table.sentence("net", found)
    assert "east" not in external_table.sentence("net", found)
    assert external_table.sizes(found).count(external_table.INTERNAL) == 1
    drawn = external_table.for_forest_plot(rows)
    assert list(drawn["model"]) == list(rows["cohort"])


def test_a_cohort_without_a_target_has_no_row_in_its_panel(tmp_path) -> None:
    rows = pd.DataFrame(
        [
            ("internal test set", "chd", 90, 20, "auroc", 0.8, 0.7, 0.9),
            ("internal test set", "abnormal", 90, 50, "auroc", 0.7, 0.6, 0.8),
            ("north", "chd", 60, 10, "auroc", 0.75, 0.6, 0.9),
        ],
        columns=["model", "target", "n", "positives", "metric", "value", "low", "high"],
    )
    forest_plot.auroc(rows, "a title", "sizes", tmp_path / "forest.png", "zzu")
    assert (tmp_path / "forest.png").stat().st_size > 5000
