"""Models side by side: paired, corrected for their number, small headline, honest picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from pedecg.core.errors import PedecgError
from pedecg.evaluation import compare, evaluate, metrics
from pedecg.evaluation.evaluate import Scored, Scoring
from pedecg.plots import forest_plot

Models = dict[str, Any]  # of conftest.Evaluated


@pytest.fixture(scope="module")
def models(cohort, scoring: Scoring) -> Models:
    skills = {"weak": 0.3, "middling": 1.0, "strong": 4.0}
    return {name: cohort.evaluate(cohort.predictions(s), scoring) for name, s in skills.items()}


def on(split: str, models: Models) -> dict[str, Scored]:
    return {name: one.scored[split] for name, one in models.items()}


def differences(models: Models) -> pd.DataFrame:
    stated = {name: one.stated["test"].p[0] for name, one in models.items()}
    return compare.differences(on("test", models), stated)


def test_a_better_model_is_found_better(models: Models) -> None:
    table = differences(models).set_index(["metric", "target", "first", "second"])
    row = table.loc["auroc", "macro", "weak", "strong"]
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["p"] <= row["p_holm"] < 0.001


def test_a_model_does_not_differ_from_itself(models: Models) -> None:
    table = differences({"a": models["weak"], "b": models["weak"]})
    table = table[table["target"] != "kawasaki"]
    assert (table["difference"] == 0).all()
    assert (table["low"] == 0).all()
    assert (table["p_holm"] == 1).all()


def test_pairing_narrows_the_interval(models: Models) -> None:
    a, b = (models[name].scored["test"] for name in ("middling", "strong"))
    unpaired = np.roll(b.draws, 1, axis=0)
    column = metrics.METRICS.index("brier")
    paired_sd = (a.draws - b.draws)[:, 0, column].std()
    assert paired_sd < (a.draws - unpaired)[:, 0, column].std()


def test_p_values_are_corrected_over_pairs_and_targets(models: Models) -> None:
    table = differences(models)
    here = table[(table["metric"] == "auroc") & ~table["target"].isin(("macro", "micro"))].dropna()
    assert len(here) == 6  # three pairs on the two targets that have enough cases
    smallest = here.loc[here["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(min(1, 6 * smallest["p"]))


def test_delong_agrees_with_the_bootstrap(models: Models) -> None:
    table = differences(models)
    here = table[(table["metric"] == "auroc") & (table["target"] == "abnormal")]
    z = [special.ndtri(here[column] / 2) for column in ("p", "p_delong")]
    np.testing.assert_allclose(z[0], z[1], rtol=0.25)


def test_the_summary_holds_headline_figures_only(models: Models) -> None:
    summary = compare.summary(on("test", models), on("validation", models), "zzu")
    assert list(summary) == ["cohort", "auroc", "best"]
    assert list(summary["auroc"]) == ["weak", "middling", "strong"]
    best = summary["best"]
    assert best["model"] == "strong"
    assert best["low"] < summary["auroc"]["strong"] < best["high"]
    both = [best["auroc"]["abnormal"], best["auroc"]["chd"]]
    assert summary["auroc"]["strong"] == pytest.approx(np.mean(both))


def test_the_best_model_is_named_by_validation_not_by_test(models: Models) -> None:
    test = on("test", models)
    swapped = {"weak": test["strong"], "strong": test["weak"]}
    validation = {name: on("validation", models)[name] for name in swapped}
    assert compare.summary(swapped, validation, "zzu")["best"]["model"] == "strong"


def test_a_model_of_other_targets_is_refused(cohort) -> None:
    predictions = cohort.predictions(1.0)
    compare.check_labels(predictions, "m", ("kawasaki", "chd", "abnormal"))
    with pytest.raises(PedecgError, match="m: trained for targets"):
        compare.check_labels(predictions, "m", ("norm", "mi"))


def test_the_forest_plot_is_the_same_bytes_again(models: Models, tmp_path: Path) -> None:
    table = evaluate.as_table(on("test", models))
    title = compare.sentence(table)
    assert title.startswith("strong ranks first")
    for name in ("a.png", "b.png"):
        forest_plot.auroc(table, title, "made-up patients", tmp_path / name, "zzu", ["weak"])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_to_compare_is_stated_and_drawn(cohort, tmp_path: Path) -> None:
    scoring = Scoring(bootstrap=10, seed=0, min_positives=10_000)
    alone = {"only": cohort.evaluate(cohort.predictions(1.0), scoring)}
    table = evaluate.as_table(on("test", alone))
    assert "No target has enough cases" in compare.sentence(table)
    title = compare.sentence(table)
    forest_plot.auroc(table, title, "made-up patients", tmp_path / "empty.png", "zzu")
    assert differences(alone).empty
    assert "best" not in compare.summary(on("test", alone), on("validation", alone), "zzu")
