"""Out-of-fold predictions and their scores, on simulated recordings in the layout of CinC 2017."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.benchmarks import (
    benchmark_settings,
    classification_scores,
    out_of_fold,
    prepare_cohort,
)
from pedecg.benchmarks import prepared_cohort as cohort
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.simulation import cinc2017_cohort

ROOT = Path(__file__).resolve().parents[2]
PRESET = ROOT / "pipelines/arrhythmia/presets/cinc2017.yaml"
FOLDS = benchmark_settings.Cinc2017Folds(repeats=2, folds=3)
RESAMPLING = benchmark_settings.ResamplingSettings(resamples=200, seed=0)


@pytest.fixture(scope="module")
def values():
    few_trees = {"models.rules_trees.trees": 20}
    changed = cohort.parameters(PRESET)
    for key, value in few_trees.items():
        section, model, name = key.split(".")
        changed[section][model] = changed[section][model] | {name: value}
    return changed


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    file = ROOT / "pipelines/arrhythmia/params.yaml"
    default = params.load("simulate", cinc2017_cohort.CincSimulationSettings, file)
    small = default.model_copy(update={"recordings": 30, "length_s": [9.0, 10.0]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDECG_JOBS", "1")
        cinc2017_cohort.write(small, folder / "raw", folder / "truth")
        prepare_cohort.prepare(str(folder / "raw"), PRESET, folder / "prepared")
    return cohort.load(folder / "prepared")


@pytest.fixture(scope="module")
def predictions(prepared, values):
    return tables.check(
        out_of_fold.cinc2017("rules_trees", prepared, values, FOLDS), tables.PREDICTIONS, "test"
    )


def test_every_recording_is_predicted_once_in_each_repeat(prepared, predictions):
    per_repeat = predictions.groupby("seed")["record_id"].value_counts()
    assert set(per_repeat) == {len(prepared.targets)}
    assert len(per_repeat) == FOLDS.repeats * len(prepared.record_ids)
    p = classification_scores.probabilities(predictions, prepared)
    assert p.shape == (FOLDS.repeats, *prepared.truth.shape)
    assert not np.array_equal(p[0], p[1])


def test_no_recording_is_predicted_from_its_own_label(prepared, values):
    fold = np.arange(len(prepared.record_ids)) % 3
    before = out_of_fold.cross_validated("rules_trees", prepared, values, fold, 0)
    labels = prepared.labels.copy()
    targets = list(prepared.targets)
    labels.loc[fold == 0, targets] = labels.loc[fold == 0, targets[::-1]].to_numpy()
    changed = replace(prepared, labels=labels)
    after = out_of_fold.cross_validated("rules_trees", changed, values, fold, 0)
    held_out = before["record_id"].isin(prepared.record_ids[fold == 0])
    pd.testing.assert_frame_equal(before[held_out], after[held_out])
    assert not before[~held_out].equals(after[~held_out])  # the change did reach the training


@pytest.fixture(scope="module")
def fused(values):
    """A hybrid whose network is small and learns for two epochs."""
    train = {"epochs": 2, "warmup_epochs": 1, "crops_per_record": 1, "crop_seconds": 5}
    small = {"channels": [8], "reduce": [16]}
    own = {"network": "cnn_only", "rules": ["rules_trees"], "sides": {"cnn_only": small}}
    models = values["models"] | {"hybrid": values["models"]["hybrid"] | own}
    return values | {"models": models, "train": values["train"] | train}


@pytest.mark.slow
def test_no_recording_is_predicted_by_a_hybrid_from_its_own_label(prepared, fused):
    fold = np.arange(len(prepared.record_ids)) % 3
    before = out_of_fold.cross_validated("hybrid", prepared, fused, fold, 0)
    labels = prepared.labels.copy()
    targets = list(prepared.targets)
    labels.loc[fold == 0, targets] = labels.loc[fold == 0, targets[::-1]].to_numpy()
    after = out_of_fold.cross_validated("hybrid", replace(prepared, labels=labels), fused, fold, 0)
    held_out = before["record_id"].isin(prepared.record_ids[fold == 0])
    pd.testing.assert_frame_equal(before[held_out], after[held_out])
    assert not before[~held_out].equals(after[~held_out])


def test_a_hybrid_needs_a_fold_for_its_weights(prepared, fused):
    fold = np.arange(len(prepared.record_ids)) % 2
    with pytest.raises(PedecgError, match=r"needs 3 folds or more \(found 2\)"):
        out_of_fold.cross_validated("hybrid", prepared, fused, fold, 0)


@pytest.mark.parametrize("model", ["rules_linear", "rules", "age_sex", "rules_boosted"])
def test_every_tabular_model_of_the_root_pipeline_can_be_compared(prepared, values, model):
    root = cohort.parameters(ROOT / "presets/ptbxl.yaml")["models"]
    fold = np.arange(len(prepared.record_ids)) % 2
    own = values | {"models": values["models"] | {model: values["models"].get(model, root[model])}}
    predicted = out_of_fold.cross_validated(model, prepared, own, fold, 0)
    assert predicted["probability"].between(0, 1).all()


def test_an_unknown_model_is_refused_in_one_line(prepared, values):
    fold = np.arange(len(prepared.record_ids)) % 2
    with pytest.raises(PedecgError, match="resnet"):
        out_of_fold.cross_validated("resnet1", prepared, values, fold, 0)


def test_perfect_predictions_have_the_score_1_with_its_interval(prepared):
    scored = classification_scores.challenge(prepared, {"oracle": prepared.truth[None]}, RESAMPLING)
    assert (scored["records"], scored["patients"]) == (30, 30)
    challenge = scored["models"]["oracle"]["f1_challenge"]
    assert challenge["value"] == 1
    assert challenge["high"] == 1


@pytest.mark.real
def test_ranking_agrees_with_the_neutral_scorer(prepared, predictions, shared_data, tmp_path):
    file = shared_data.parent / "tools" / "score_classification.py"
    spec = importlib.util.spec_from_file_location("score_classification", file)
    neutral = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(neutral)
    p = classification_scores.probabilities(predictions, prepared)
    ours = classification_scores.ranking(prepared, {"rules_trees": p}, RESAMPLING)
    about = pd.DataFrame(prepared.truth, columns=list(prepared.targets))
    about.insert(0, "record_id", prepared.record_ids)
    about.to_csv(tmp_path / "labels.csv", index=False)
    wide = pd.DataFrame(p.mean(axis=0), columns=list(prepared.targets))
    wide.insert(0, "record_id", prepared.record_ids)
    long = wide.melt("record_id", var_name="label", value_name="probability")
    long.to_csv(tmp_path / "predictions.csv", index=False)
    names, y, q, groups = neutral.load(tmp_path / "predictions.csv", tmp_path / "labels.csv")
    theirs = neutral.score(names, y, q, groups, [None] * len(names), 200, 0)
    model = ours["models"]["rules_trees"]
    for metric in ("auroc", "auprc"):
        assert model[f"{metric}_macro"]["value"] == pytest.approx(theirs["macro"][metric]["value"])
        for target in prepared.targets:
            value = theirs["labels"][target][metric]["value"]
            assert model[f"{metric}_{target}"]["value"] == pytest.approx(value)


def test_means_are_scored_where_all_their_models_are_there():
    one, two = np.zeros((1, 2, 2)), np.ones((1, 2, 2))
    scored = classification_scores.with_means({"a": one, "b": two}, [["a", "b"], ["a", "c"]])
    assert list(scored) == ["a", "b", "a + b"]
    assert (scored["a + b"] == 0.5).all()


def test_a_cohort_that_is_absent_says_so(tmp_path):
    reason = benchmark_settings.not_measured("data.ptbxl", "absent")
    assert reason == "not measured: no data, data.ptbxl is absent"
    assert benchmark_settings.not_measured("data.ptbxl", "/data/ptb-xl") is None
    assert cohort.reason_not_measured(tmp_path) is None
    cohort.write_not_measured(reason, tmp_path)
    assert cohort.reason_not_measured(tmp_path) == reason
    tables.check(out_of_fold.no_predictions(), tables.PREDICTIONS, "test")


def test_a_preset_changes_the_parameters_of_its_own_pipeline():
    changed = cohort.parameters(ROOT / "presets/ptbxl.yaml")
    assert changed["cohort"]["name"] == "ptbxl"
    assert changed["preprocess"]["fs_hz"] == 100
    assert json.dumps(changed["ingest"]) == json.dumps(
        params.read_section("ingest", ROOT / "params.yaml")
    )
