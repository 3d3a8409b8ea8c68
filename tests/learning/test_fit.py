"""The fit loop learns what is there to learn, and the same seed gives the same bytes."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import save
from small_hospital import (
    AUGMENT,
    LOSS,
    NORMALISATION,
    SMALL,
    TEST,
    TRAINING,
    VALIDATION,
    train_settings,
)

from pedecg.core.errors import PedecgError
from pedecg.learning.fit import Fitted, fit
from pedecg.learning.validation_monitor import figures, macro_auroc
from pedecg.plots import training_curves

AGE = {"conditioning": "film", "age_features": 8, "hide_probability": 0.1}


def weights(fitted: Fitted) -> bytes:
    return save(fitted.trained.network.state_dict())


@pytest.fixture(scope="module")
def train(data):
    """Fit the small network on the small hospital; keyword arguments change the settings."""

    def run(name="resnet1d", model=SMALL, data=data, seed=0, **changes):
        return fit(
            name,
            model,
            data,
            TRAINING,
            VALIDATION,
            NORMALISATION,
            train_settings(**changes),
            seed,
            None,
        )

    return run


@pytest.fixture(scope="module")
def fitted(train) -> Fitted:
    return train()


@pytest.mark.parametrize(("name", "model"), [("resnet1d", SMALL), ("resnet1d_age", SMALL | AGE)])
def test_it_finds_wide_qrs_and_inverted_t_in_records_never_seen(train, data, name, model):
    probabilities = train(name, model).trained.predict(
        data.store, data.positions[TEST], data.age_days[TEST], data.sex[TEST]
    )
    assert macro_auroc(data.labels[TEST], probabilities) > 0.9


def test_same_seed_same_bytes(train, fitted):
    again = train()
    assert weights(again) == weights(fitted)
    assert again.curves == fitted.curves


def test_another_seed_gives_other_bytes(train, fitted):
    assert weights(train(seed=1, epochs=1)) != weights(train(seed=0, epochs=1))


def test_test_records_change_nothing(train, data):
    labels = data.labels.copy()
    labels[TEST] = 1 - labels[TEST]
    age_days = data.age_days.copy()
    age_days[TEST] += 1000
    other = replace(data, labels=labels, age_days=age_days)
    assert weights(train(data=other, epochs=2)) == weights(train(epochs=2))


def test_curves_have_one_row_per_epoch(fitted):
    assert [row["epoch"] for row in fitted.curves] == list(range(1, 9))
    names = ("loss", "auroc", "auprc", "f1", "accuracy", "sensitivity", "specificity")
    measured = {f"{of}_{name}" for of in ("train", "val") for name in names}
    assert set(fitted.curves[0]) == {"epoch", "lr"} | measured
    assert set(fitted.curves[0]) - {"epoch"} == set(training_curves.PANELS)
    for figure in ("auroc", "accuracy"):
        assert fitted.curves[-1][f"train_{figure}"] > fitted.curves[0][f"train_{figure}"]
    assert fitted.curves[-1]["train_loss"] < 0.5 * fitted.curves[0]["train_loss"]


def test_rates_of_decisions_are_means_over_the_targets_with_both_classes():
    nan = np.nan
    labels = np.array([[1, 0, 1], [1, 1, 1], [0, 0, nan], [0, 0, 1], [nan, 0, 1]], np.float32)
    logits = np.array([[2, -1, 1], [-1, 3, 1], [-1, 1, 1], [-2, -2, 1], [9, -1, 1]], np.float64)
    found = figures(labels, logits, "multilabel", "train")
    assert found["train_sensitivity"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["train_specificity"] == pytest.approx((1 + 3 / 4) / 2)
    assert found["train_accuracy"] == pytest.approx((3 / 4 + 4 / 5) / 2)


def test_one_batch_can_be_learnt_by_heart(train, data):
    few = TRAINING[:8]
    settings = train_settings(
        epochs=40,
        batch_size=8,
        crops_per_record=1,
        warmup_epochs=0,
        monitor="loss",
        patience=40,
        augment=AUGMENT | {"probability": 0.0, "nine_leads": 0.0},
    )
    fitted = fit(
        "resnet1d", SMALL | {"dropout": 0.0}, data, few, few, NORMALISATION, settings, 0, None
    )
    assert fitted.curves[-1]["train_loss"] < 0.02


def test_early_stopping_keeps_the_best_epoch(train, data):
    rng = np.random.default_rng(0)
    noise = replace(data, labels=rng.integers(0, 2, data.labels.shape).astype(np.float32))
    fitted = train(data=noise, epochs=60, patience=3, monitor="loss", smooth_epochs=1)
    losses = [row["val_loss"] for row in fitted.curves]
    card = fitted.trained.card
    assert len(losses) < 60
    assert card.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == card.best_epoch + 3
    assert card.best_value == pytest.approx(min(losses))


def test_class_weights_do_not_shift_probabilities(train, data):
    rare = replace(data, labels=data.labels * (np.arange(160) % 3 == 0)[:, None])
    fitted = train(data=rare, loss=LOSS | {"positive_weight_cap": 10})
    mean = fitted.trained.predict(
        data.store, data.positions[TRAINING], data.age_days[TRAINING], data.sex[TRAINING]
    ).mean(0)
    np.testing.assert_allclose(mean, np.nanmean(rare.labels[TRAINING], 0), atol=0.1)


def test_a_loss_that_is_not_finite_names_the_records(train, data):
    labels = data.labels.copy()
    labels[7, 0] = np.inf
    with pytest.raises(PedecgError, match=r"loss is .* in step \d; .*: R.*R007") as fault:
        train(data=replace(data, labels=labels))
    assert "\n" not in str(fault.value)


def test_a_target_without_known_labels_is_reported(train, data):
    labels = data.labels.copy()
    labels[:, 1] = np.nan
    with pytest.raises(PedecgError, match="target inverted_t has no known label among training"):
        train(data=replace(data, labels=labels))


def test_a_cohort_without_targets_is_reported(train, data):
    nothing = replace(data, targets=(), labels=data.labels[:, :0])
    with pytest.raises(PedecgError, match="no target"):
        train(data=nothing)


def test_auroc_without_both_classes_in_validation_is_reported(train, data):
    labels = data.labels.copy()
    labels[VALIDATION] = 1
    with pytest.raises(PedecgError, match=r"train.monitor: auroc needs .* take loss or last"):
        train(data=replace(data, labels=labels))


def test_an_unknown_model_is_reported_before_anything_runs(train):
    with pytest.raises(PedecgError, match="no model 'nothing'"):
        train("nothing")


def test_a_device_that_is_not_there_is_reported(train):
    with pytest.raises(
        PedecgError, match=r"train.accelerator: no mps on this machine; found .*cpu"
    ):
        train(accelerator="mps")
