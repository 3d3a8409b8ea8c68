"""Promises of the pre-training: what is hidden, what is learnt, and who takes it over."""

import numpy as np
import pytest
import small_hospital
import torch

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.learning import pretrain
from pedecg.learning.crop_training import unlabelled
from pedecg.learning.fit import fit
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.learning.reconstruction import examples
from pedecg.learning.training_state import StateFolder
from pedecg.models.backbones import autoencoder
from pedecg.models.network_base import TrunkSettings
from pedecg.plots import reconstruction_examples

TRUNK = TrunkSettings(**small_hospital.SMALL)
FOUNDATION = {
    "backbone": "masked_autoencoder",
    "hubert_size": "small",
    "weights": None,
    "without_weights": "stop",
    "tuning": "full",
    "layer_decay": 0.75,
    "dropout": 0.1,
    "age_features": 0,
    "hide_probability": 0.1,
    "masked_autoencoder": small_hospital.SMALL,
}


def settings(**changes):
    values = {
        "objective": "masked_autoencoder",
        "window_s": 0.4,
        "steps_ahead": 2,
        "context": 16,
        "seed": 0,
        "extra_signals": [],
        "held_out": 0.1,
        "mask_share": 0.3,
        "lead_share": 0.2,
        "shown_weight": 0.3,
        "patch_s": 0.25,
        "crop_seconds": 2,
        "crops_per_record": 1,
        "batch_size": 16,
        "epochs": 3,
        "learning_rate": 1e-2,
        "warmup_epochs": 0.5,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "ema_decay": 0.8,
        "accelerator": "cpu",
        "threads": 1,
    }
    return params.parse(values | changes, "pretrain", PretrainSettings, "test")


def learn(data, state=None, rows=small_hospital.TRAINING, **changes):
    return pretrain.pretrain(
        [data.store], [data.positions[rows]], small_hospital.NORMALISATION, TRUNK,
        settings(**changes), state,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["masked_autoencoder", "cpc"])
def objective(request):
    return request.param


@pytest.fixture(scope="module")
def learnt(data, objective):
    return learn(data, objective=objective)


@pytest.fixture(scope="module")
def filler(data):
    """The masked autoencoder."""
    return learn(data)


def same(first, second):
    return all(
        torch.equal(tensor, second.network.state_dict()[key])
        for key, tensor in first.network.state_dict().items()
    )


def test_it_learns(learnt):
    losses = [row["held_out_loss"] for row in learnt.curves]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.98 * losses[0]


def test_same_seed_same_bytes_other_seed_others(data, learnt, objective, tmp_path):
    again, other = learn(data, objective=objective), learn(data, objective=objective, seed=1)
    assert same(learnt, again)
    assert not same(learnt, other)
    for folder, one in (("a", learnt), ("b", again)):
        one.save(tmp_path / folder)
    for name in (autoencoder.WEIGHTS, autoencoder.CARD):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_run_that_was_broken_off_ends_with_the_same_bytes(
    data, learnt, objective, tmp_path, monkeypatch
):
    save = StateFolder.save

    def break_off(folder, tensors, optimizer, values):
        save(folder, tensors, optimizer, values)
        if values["progress"]["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(StateFolder, "save", break_off)
    with pytest.raises(KeyboardInterrupt):
        learn(data, tmp_path / "state", objective=objective)
    monkeypatch.setattr(StateFolder, "save", save)
    assert same(learnt, learn(data, tmp_path / "state", objective=objective))
    assert not (tmp_path / "state").exists()


def test_a_loss_that_is_not_finite_is_one_line_with_the_remedy(data, monkeypatch):
    monkeypatch.setattr(autoencoder, "loss", lambda filled, *_: filled.sum() * torch.nan)
    with pytest.raises(
        PedecgError, match=r"^pretrain: loss is nan in step 1; lower pretrain\.learning_rate$"
    ):
        learn(data, epochs=1)


def test_only_the_given_records_are_learnt_from(data, learnt, objective):
    """What lies outside the training records may be anything."""
    samples = data.store.samples.copy()
    first = data.store.offsets[small_hospital.VALIDATION[0]]
    samples[first:] = 0
    changed = type(data.store)(**(vars(data.store) | {"samples": samples}))
    again = pretrain.pretrain(
        [changed], [data.positions[small_hospital.TRAINING]], small_hospital.NORMALISATION, TRUNK,
        settings(objective=objective), None,
    )  # fmt: skip
    assert same(learnt, again)
    assert set(learnt.held_out) <= set(small_hospital.TRAINING)


def test_a_further_store_is_learnt_from_too(data, learnt, objective):
    both = pretrain.pretrain(
        [data.store, data.store],
        [data.positions[small_hospital.TRAINING], data.positions[small_hospital.TEST]],
        small_hospital.NORMALISATION, TRUNK, settings(objective=objective), None,
    )  # fmt: skip
    assert both.card["records"] == learnt.card["records"] + len(small_hospital.TEST)
    assert not same(learnt, both)


def test_hidden_patches_are_hidden_in_all_leads_and_seen_by_none(filler):
    batch = unlabelled(torch.randn(5, 12, 250), torch.ones(5, 12), torch.full((5,), 250))
    generator = torch.Generator().manual_seed(0)
    hidden = filler.network.hide(batch, 0.5, 0.0, 25, generator)
    covered = hidden.samples(250)
    assert covered.shape == (5, 12, 250)
    assert (covered == covered[:, :1]).all()
    assert covered.float().mean() == pytest.approx(0.5, abs=0.05)
    noisy = batch.signal + 9 * covered
    other = unlabelled(noisy, batch.lead_mask, batch.length)
    with torch.inference_mode():
        assert torch.equal(filler.network(batch, hidden), filler.network(other, hidden))


def test_a_classifier_takes_the_encoder_over_and_says_so(data, learnt, tmp_path):
    learnt.save(tmp_path)
    training = small_hospital.train_settings(epochs=1, learning_rate=1e-9, ema_decay=0.0)
    fitted = fit(
        "foundation", FOUNDATION | {"tuning": "probe"}, data, small_hospital.TRAINING,
        small_hospital.VALIDATION, small_hospital.NORMALISATION, training, 0, None, tmp_path,
    )  # fmt: skip
    assert learnt.card["model"].replace("_", " ") in fitted.trained.card.pretrained
    own, theirs = fitted.trained.network.backbone.state_dict(), learnt.network.encoder.state_dict()
    assert all(torch.equal(own[key], theirs[key]) for key in own)


def test_another_size_and_absent_weights_are_reported(data, filler, tmp_path):
    def start(model):
        fit("foundation", model, data, small_hospital.TRAINING, small_hospital.VALIDATION,
            small_hospital.NORMALISATION, small_hospital.train_settings(epochs=1), 0, None,
            tmp_path)  # fmt: skip

    with pytest.raises(PedecgError, match="run stage pretrain"):
        start(FOUNDATION)
    filler.save(tmp_path)
    wider = FOUNDATION | {"masked_autoencoder": small_hospital.SMALL | {"width": 12}}
    with pytest.raises(PedecgError, match=r"tensors differ: blocks\.0.*same size"):
        start(wider)


def test_a_picture_shows_what_was_filled_in(data, filler, tmp_path):
    shown = examples(
        filler.network, filler.held_out, data.store, small_hospital.NORMALISATION, settings(), 2
    )
    assert [len(one.recorded) for one in shown] == [12, 12]
    assert all(np.isfinite(one.filled).all() for one in shown)
    for name in ("a.png", "b.png"):
        reconstruction_examples.picture(
            shown, data.store.leads, data.store.fs_hz, 0.5, tmp_path / name, "x"
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
