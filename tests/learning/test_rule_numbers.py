"""Rule features reach a network by name, scaled by the training records, unknown where unknown."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small_hospital import NORMALISATION, SMALL, TEST, TRAINING, VALIDATION, train_settings
from torch import nn

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.learning.fit import fit
from pedecg.learning.validation_monitor import macro_auroc
from pedecg.models import features, registry


class Rules(nn.Module):
    """A linear model of two rule features; it may start from weights that lie in a folder."""

    def __init__(self, settings, *, n_targets, n_features, **_):
        super().__init__()
        self.head = nn.Linear(n_features, n_targets)

    def forward(self, batch):
        return self.head(batch.features.nan_to_num(0.0))

    def load_pretrained(self, folder):
        nn.init.constant_(self.head.weight, float((folder / "weight.txt").read_text()))
        return f"constant of {folder.name}"


@pytest.fixture
def rules_model(monkeypatch):
    """The registry knows one model more, which reads rules."""

    class Module:
        READS = frozenset({"signals", "rules"})
        Settings = params.Section
        Model = Rules

    find = registry._module
    monkeypatch.setattr(
        registry, "_module", lambda name, *_: Module if name == "linear" else find(name)
    )
    monkeypatch.setattr(
        registry, "source_file", lambda name, *_: registry._SOURCE / "models/networks/linear.py"
    )
    return Module


@pytest.fixture
def measured(data):
    """Features that tell the labels; the third is never known, and R010 could not be measured."""
    labels = np.nan_to_num(data.labels)
    table = pd.DataFrame(
        {
            "qrs_ms": 70 + 20 * labels[:, 0],
            "z_t": 1 - labels[:, 1],
            "t_axis_deg": np.nan,
            "rule_x": False,
        }
    ).astype("float32")
    table.iloc[10] = np.nan
    return replace(data, features=table)


def train(data, **more):
    settings = train_settings(epochs=6, learning_rate=0.1)
    return fit("linear", {}, data, TRAINING, VALIDATION, NORMALISATION, settings, 0, None, **more)


def ask(trained, data, table):
    return trained.predict(
        data.store, data.positions[TEST], data.age_days[TEST], data.sex[TEST], table
    )


def test_a_model_that_reads_rules_learns_from_them(rules_model, measured):
    fitted = train(measured)
    answer = ask(fitted.trained, measured, measured.features.iloc[TEST])
    assert macro_auroc(measured.labels[TEST], answer) > 0.95
    assert fitted.trained.card.feature_names == ("qrs_ms", "z_t", "t_axis_deg", "rule_x")


def test_another_cohort_gives_features_by_name_in_any_order(rules_model, measured):
    trained = train(measured).trained
    table = measured.features.iloc[TEST]
    turned = table[table.columns[::-1]].assign(other=1.0)
    np.testing.assert_array_equal(ask(trained, measured, turned), ask(trained, measured, table))


@pytest.mark.parametrize("drop", [["z_t"], None])
def test_a_feature_that_is_not_there_is_reported_by_name(rules_model, measured, drop):
    table = measured.features.iloc[TEST].drop(columns=drop) if drop else None
    with pytest.raises(PedecgError, match=r"trained on 4, of which \d are not here: .*z_t"):
        ask(train(measured).trained, measured, table)


def test_a_model_that_reads_no_rules_is_given_none(data, measured):
    settings = train_settings(epochs=1)
    fits = [
        fit("resnet1d", SMALL, of, TRAINING, VALIDATION, NORMALISATION, settings, 0, None)
        for of in (data, measured)
    ]
    assert fits[1].trained.card == fits[0].trained.card
    assert fits[1].trained.card.feature_names == ()


def test_a_model_that_reads_pretrained_weights_starts_from_them(
    rules_model, measured, monkeypatch, tmp_path
):
    monkeypatch.setattr(rules_model, "READS", frozenset({"signals", "rules", "pretrained"}))
    (tmp_path / "weight.txt").write_text("3.5")
    fitted = train(measured, pretrained=tmp_path)
    assert fitted.trained.card.pretrained == f"constant of {tmp_path.name}"
    never_known = fitted.trained.network.get_parameter("head.weight").detach()[:, 2]
    assert float(never_known.mean()) == pytest.approx(3.5, 0.3)


def test_features_are_scaled_by_the_training_records(measured):
    table = measured.features
    scaled = features.scale(table.iloc[TRAINING]).apply(table)
    assert np.nanmean(scaled[TRAINING, 0]) == pytest.approx(0, abs=1e-5)
    assert np.nanstd(scaled[TRAINING, 0]) == pytest.approx(1, abs=1e-5)
    assert np.isnan(scaled[10]).all()
    assert np.isnan(scaled[:, 2]).all()
    assert (np.delete(scaled[:, 3], 10) == 0).all()


def test_rules_become_numbers_in_the_order_that_is_asked():
    rules = pd.DataFrame(
        {
            "record_id": ["a", "b"],
            "qrs_ms": [80.0, np.nan],
            "rule_wide": pd.array([True, None], "boolean"),
        }
    )
    table = features.of_rules(rules, ["b", "c", "a"])
    np.testing.assert_array_equal(
        table.to_numpy(), np.array([[np.nan] * 2, [np.nan] * 2, [80, 1]], "f4")
    )


def test_a_softmax_task_learns_one_class_of_several(data):
    known = np.nan_to_num(data.labels)
    both = 2 * known[:, 0] + known[:, 1]
    labels = (both[:, None] == np.arange(4)).astype(np.float32)
    labels[5] = np.nan
    four = replace(data, labels=labels, targets=("none", "t", "qrs", "both"))
    settings = train_settings(task="multiclass")
    fitted = fit("resnet1d", SMALL, four, TRAINING, VALIDATION, NORMALISATION, settings, 0, None)
    answer = fitted.trained.predict(
        four.store, four.positions[TEST], four.age_days[TEST], four.sex[TEST]
    )
    np.testing.assert_allclose(answer.sum(1), 1)
    assert macro_auroc(labels[TEST], answer) > 0.9
    assert torch.isfinite(torch.tensor(fitted.curves[-1]["val_loss"]))
