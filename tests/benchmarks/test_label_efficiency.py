"""Label efficiency: nested, stratified shares of the labelled patients, and no test record."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from pedecg import cli
from pedecg.benchmarks import label_efficiency
from pedecg.benchmarks.label_efficiency import Design
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.learning import batches
from pedecg.learning.pipeline_inputs import LABELS, Inputs
from pedecg.models import registry
from pedecg.models.contract import Training

ROOT = Path(__file__).resolve().parents[2]
N, EDGES = 600, [365, 2000]
DESIGN = Design((0.05, 0.1, 0.3, 1.0), (0, 1), 3, True, 50)


def cohort() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Children with one record or two, a frequent target that age tells and a rare one."""
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(0, N * 3 // 4, N))
    age_days = 10 + 4000 * rng.random(N)[patient % N]
    records = pd.DataFrame(
        {
            "record_id": [f"R{k:04d}" for k in range(N)],
            "patient_id": [f"P{k:04d}" for k in patient],
            "path": "x", "fs_hz": 500.0, "n_samples": 5000, "leads": "I II",
            "age_days": age_days.astype(int), "sex": np.where(patient % 2, "male", "female"),
            "acquired_at": None, "fold": None, "source_split": None,
        }
    )  # fmt: skip
    labels = pd.DataFrame({"record_id": records["record_id"]})
    labels["common"] = ((age_days + 600 * rng.normal(size=N)) > 2500).astype(int)
    labels["rare"] = (patient % 11 == 0).astype(int)
    split = np.array(["train", "train", "train", "validation", "test"])[patient % 5]
    return records, labels, split


def inputs_of(records: pd.DataFrame, labels: pd.DataFrame, split: np.ndarray) -> Inputs:
    rows = batches.dataset(None, records, labels)
    return Inputs(rows, split, Training("age_sex", {"strength": 1.0}, 0, {"task": "multilabel"}))


def test_shares_are_nested_like_the_whole_and_hold_no_test_record():
    records, labels, split = cohort()
    inputs = inputs_of(records, labels, split)
    drawn = label_efficiency.choose(inputs, records, labels, DESIGN, EDGES)
    by_seed = {seed: [one for one in drawn if one.seed == seed] for seed in DESIGN.seeds}
    patients = records["patient_id"].to_numpy()
    for own in by_seed.values():
        assert [one.share for one in own] == [1.0, 0.3, 0.1, 0.05]
        for larger, smaller in pairwise(own):
            assert not (smaller.chosen & ~larger.chosen).any()
        for name in ("common", "rare"):
            positives = labels[name][split != "test"].sum()
            assert abs(labels[name][own[1].chosen].sum() - 0.3 * positives) <= 3
        for one in own:
            assert not one.chosen[split == "test"].any()
            assert not set(patients[one.chosen]) & set(patients[~one.chosen])  # whole patients
            for part in ("train", "validation"):
                n = len(set(patients[split == part]))
                taken = len(set(patients[one.chosen & (split == part)]))
                assert abs(taken - one.share * n) <= 2
    assert (by_seed[0][1].chosen != by_seed[1][1].chosen).any()


def test_test_records_choose_nothing_and_train_nothing():
    records, labels, split = cohort()
    changed, test = labels.copy(), split == "test"
    changed.loc[test, ["common", "rare"]] = 1 - changed.loc[test, ["common", "rare"]]
    found = []
    for own in (labels, changed):
        inputs = inputs_of(records, own, split)
        drawn = label_efficiency.choose(inputs, records, own, DESIGN, EDGES)
        found.append((drawn, [label_efficiency.predict(inputs, one, DESIGN) for one in drawn]))
    for one, other in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(one.chosen, other.chosen)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_figure_is_that_of_the_model_trained_on_these_records_alone():
    records, labels, split = cohort()
    inputs = inputs_of(records, labels, split)
    design = replace(DESIGN, shares=(0.1,), seeds=(4,))
    (one,) = label_efficiency.choose(inputs, records, labels, design, EDGES)
    answers = [("age_sex", one, label_efficiency.predict(inputs, one, design))]
    truth, patients = label_efficiency.held_out(inputs)
    table = label_efficiency.score(inputs.rows.targets, truth, patients, answers, design)
    rows = inputs.rows.take(one.chosen & (split == "train"))
    fitted = registry.fit(rows, np.zeros(len(rows), bool), replace(inputs.training, seed=4))
    p = fitted.model.predict(inputs.rows.take(split == "test"))
    row = table[(table["target"] == "common") & (table["metric"] == "auroc")].iloc[0]
    assert row["value"] == pytest.approx(roc_auc_score(truth[:, 0], p[:, 0]))
    assert row["low"] < row["value"] < row["high"]


def test_too_few_positives_are_stated_and_not_computed():
    records, labels, split = cohort()
    inputs = inputs_of(records, labels, split)
    drawn = label_efficiency.choose(inputs, records, labels, DESIGN, EDGES)
    answers = [("age_sex", one, label_efficiency.predict(inputs, one, DESIGN)) for one in drawn]
    truth, patients = label_efficiency.held_out(inputs)
    table = label_efficiency.score(inputs.rows.targets, truth, patients, answers, DESIGN)
    found = label_efficiency.as_metrics(table, drawn, DESIGN, {})["models"]["age_sex"]
    few = "fewer than 3 positives or negatives among training records"
    assert found["5%"]["auroc_rare"] == {"not_computed": few}
    assert found["5%"]["auroc_macro"] == {"not_computed": "no figure of rare"}
    whole = found["100%"]
    both = [whole[f"auroc_{target}"]["value"] for target in ("common", "rare")]
    assert whole["auroc_macro"]["value"] == pytest.approx(np.mean(both))
    assert whole["auroc_common"]["sd"] == 0  # the same patients, and a model without randomness
    assert found["30%"]["auroc_common"]["sd"] > 0

    only_test = truth * [1, 0]  # none of the rare one
    table = label_efficiency.score(inputs.rows.targets, only_test, patients, answers, DESIGN)
    found = label_efficiency.as_metrics(table, drawn, DESIGN, {})["models"]["age_sex"]
    assert found["100%"]["auroc_rare"] == {"not_computed": few.replace("training", "test")}
    assert found["100%"]["auroc_macro"] == found["100%"]["auroc_common"]

    impossible = replace(DESIGN, min_positives=1000)
    none = label_efficiency.choose(inputs, records, labels, impossible, EDGES)
    assert label_efficiency.predict(inputs, none[0], impossible).startswith("fewer than 1000")


def test_a_share_that_is_none_is_refused():
    with pytest.raises(PedecgError, match="above 0"):
        replace(DESIGN, shares=(0.0, 1.0))


def test_the_command_writes_metrics_table_and_picture(tmp_path, monkeypatch):
    records, labels, split = cohort()
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    interim = tmp_path / "data/interim"
    tables.write(records, interim / "records.parquet", tables.RECORDS)
    tables.write(labels, tmp_path / LABELS, tables.LABELS)
    parts = records[["record_id", "patient_id"]].assign(split=split)
    tables.write(parts, interim / "splits.parquet", tables.SPLITS)
    monkeypatch.chdir(tmp_path)
    asked = ["--model", "age_sex", "--share", "0.1", "--share", "1", "--seeds", "2"]
    done = CliRunner().invoke(cli.app, ["label-efficiency", *asked, "--resamples", "20"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("trained\n") == 4
    found = json.loads((tmp_path / "label_efficiency/label_efficiency.json").read_text())
    assert found["design"]["shares"] == [0.1, 1]
    assert found["models"]["age_sex"]["100%"]["auroc_common"]["value"] > 0.8
    table = pd.read_csv(tmp_path / "label_efficiency/label_efficiency.csv")
    assert len(table) == 2 * 2 * 3  # shares, metrics, two targets and their mean
    picture = (tmp_path / "label_efficiency/label_efficiency.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
