"""Models side by side: paired, corrected for their number, small headline, honest picture."""

from pathlib import Path

import numpy as np
import pytest

from pedecg.errors import PedecgError
from pedecg.evaluation import cases, compare, evaluate, forest, metrics
from pedecg.evaluation.evaluate import Scored, Scoring


@pytest.fixture(scope="module")
def models(cohort, scoring: Scoring) -> dict[str, Scored]:
    validation = cases.of_split(cohort.labels, cohort.splits, "validation")
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    found = {}
    for name, skill in {"weak": 0.3, "middling": 1.0, "strong": 4.0}.items():
        said = cohort.predictions(skill)
        p = [cases.probabilities(said, who, name) for who in (validation, test)]
        found[name] = evaluate.validation_and_test(validation, p[0], test, p[1], scoring)["test"]
    return found


def test_a_better_model_is_found_better(models: dict[str, Scored]) -> None:
    table = compare.differences(models).set_index(["metric", "target", "first", "second"])
    row = table.loc["auroc", "macro", "weak", "strong"]
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["p"] <= row["p_holm"] < 0.001


def test_a_model_does_not_differ_from_itself(models: dict[str, Scored]) -> None:
    table = compare.differences({"a": models["weak"], "b": models["weak"]})
    table = table[table["target"] != "kawasaki"]
    assert (table["difference"] == 0).all()
    assert (table["low"] == 0).all()
    assert (table["p_holm"] == 1).all()


def test_pairing_narrows_the_interval(models: dict[str, Scored]) -> None:
    a, b = models["middling"], models["strong"]
    unpaired = np.roll(b.draws, 1, axis=0)
    column = metrics.METRICS.index("brier")
    paired_sd = (a.draws - b.draws)[:, 0, column].std()
    assert paired_sd < (a.draws - unpaired)[:, 0, column].std()


def test_p_values_are_corrected_over_pairs_and_targets(models: dict[str, Scored]) -> None:
    table = compare.differences(models)
    here = table[(table["metric"] == "auroc") & (table["target"] != "macro")].dropna()
    assert len(here) == 6  # three pairs on the two targets that have enough cases
    smallest = here.loc[here["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(min(1, 6 * smallest["p"]))


def test_the_summary_holds_headline_figures_only(models: dict[str, Scored]) -> None:
    summary = compare.summary(models, "zzu")
    assert list(summary) == ["cohort", "weak", "middling", "strong"]
    strong = summary["strong"]
    assert set(strong["auroc"]) == {"abnormal", "chd", "kawasaki", "macro"}
    assert strong["auroc_macro_low"] < strong["auroc"]["macro"] < strong["auroc_macro_high"]
    both = [strong["auroc"]["abnormal"], strong["auroc"]["chd"]]
    assert strong["auroc"]["macro"] == pytest.approx(np.mean(both))


def test_models_evaluated_and_trained_must_be_the_same() -> None:
    compare.check_models(["rules", "net"], ["net", "rules"])
    with pytest.raises(PedecgError, match=r"evaluate\.models lacks net"):
        compare.check_models(["rules"], ["net", "rules"])
    with pytest.raises(PedecgError, match=r"names other; trained are net"):
        compare.check_models(["net", "other"], ["net"])


def test_a_model_of_other_targets_is_refused(cohort) -> None:
    predictions = cohort.predictions(1.0)
    compare.check_labels(predictions, "m", ("kawasaki", "chd", "abnormal"))
    with pytest.raises(PedecgError, match="m: trained for targets"):
        compare.check_labels(predictions, "m", ("norm", "mi"))


def test_the_forest_plot_is_the_same_bytes_again(models: dict[str, Scored], tmp_path: Path) -> None:
    table = evaluate.as_table(models)
    assert compare.sentence(table).startswith("strong ranks first")
    for name in ("a.png", "b.png"):
        forest.auroc(table, compare.sentence(table), "made-up patients", tmp_path / name, "zzu")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_to_compare_is_said_and_drawn(cohort, tmp_path: Path) -> None:
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    scoring = Scoring(bootstrap=10, seed=0, min_positives=10_000)
    p = cases.probabilities(cohort.predictions(1.0), test, "made")
    alone = {"only": evaluate.validation_and_test(test, p, test, p, scoring)["test"]}
    table = evaluate.as_table(alone)
    assert "No target has enough cases" in compare.sentence(table)
    forest.auroc(table, compare.sentence(table), "made-up patients", tmp_path / "empty.png", "zzu")
