"""Promises that every registered network keeps."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pedecg.core.errors import PedecgError
from pedecg.models import model_settings, registry
from pedecg.models.network_base import Batch
from pedecg.models.networks import cnn_rnn

TRUNK = {
    "width": 8,
    "blocks": [1, 1, 1, 1, 1],
    "stem_hz": 62.5,
    "stem_s": 0.1,
    "kernel_s": 0.08,
    "dropout": 0.1,
}
MODERN = TRUNK | {
    "stem": "deep",
    "order": "pre",
    "squeeze": 0.25,
    "block_dropout": 0.1,
    "drop_path": 0.2,
}
AGE = {"age_features": 8, "hide_probability": 0.1}
FOUNDATION = AGE | {
    "backbone": "masked_autoencoder",
    "hubert_size": "small",
    "weights": None,
    "without_weights": "random",
    "tuning": "full",
    "layer_decay": 0.75,
    "dropout": 0.1,
    "masked_autoencoder": TRUNK,
}
PLAIN = {
    "channels": [8, 12, 16],
    "first_hz": 125,
    "kernel_s": 0.06,
    "dropout": 0.1,
    "mask": "leads",
    "tabular": True,
    "hidden": 8,
    "hide_probability": 0.1,
}
SEQUENCE = {
    "channels": [8, 8, 16],
    "reduce": [4, 2, 2],
    "frame_s": 0.04,
    "kernel_s": 0.035,
    "residual": False,
    "sequence": "none",
    "hidden": 8,
    "layers": 1,
    "both_ways": False,
    "heads": 2,
    "pooling": "mean",
    "forget_bias": 1,
    "sequence_rate": 1,
    "dropout": 0.1,
}
S4D = {
    "width": 8,
    "layers": 2,
    "states": 4,
    "step_hz": 62.5,
    "stem_s": 0.1,
    "memory_s": [0.05, 5.0],
    "both_ways": True,
    "dropout": 0.1,
}
CNN_RNN = {
    "cnn_only": {},
    "cnn_lstm": {"sequence": "lstm", "layers": 2},
    "bilstm": {"sequence": "lstm", "both_ways": True, "pooling": "last"},
    "simple_lstm": {"sequence": "lstm", "pooling": "last"},
    "lstm_only": {"sequence": "lstm", "channels": [], "reduce": []},
    "residual": {"residual": True},
    "gru": {"sequence": "gru"},
    "attention": {"sequence": "gru", "both_ways": True, "pooling": "attention"},
    "transformer": {"sequence": "transformer"},
    "own scale": {"own_scale": True},
}
VARIANTS = {
    "cnn1d": {
        "tabular": PLAIN,
        "signal": PLAIN | {"tabular": False},
        "mask channel": PLAIN | {"mask": "channel", "tabular": False},
    },
    "cnn_rnn": {name: SEQUENCE | changes for name, changes in CNN_RNN.items()},
    "resnet1d": {"plain": TRUNK, "modern": MODERN, "squeeze": TRUNK | {"squeeze": 0.25}},
    "resnet1d_age": {
        "film": TRUNK | AGE | {"conditioning": "film"},
        "film, modern": MODERN | AGE | {"conditioning": "film"},
        "concat": TRUNK | AGE | {"conditioning": "concat"},
    },
    "s4d": {"both ways": S4D, "ahead": S4D | {"both_ways": False}},
    "random_encoder": {"plain": TRUNK, "modern": MODERN},
    "foundation": {"own": FOUNDATION, "own, probe": FOUNDATION | {"tuning": "probe"}},
}
CASES = [
    pytest.param(name, settings, id=f"{name} {variant}")
    for name, variants in VARIANTS.items()
    for variant, settings in variants.items()
]
WITH_AGE = [
    case
    for case in CASES
    if "resnet1d_age" in case.id or case.id in ("cnn1d tabular", "foundation own")
]
PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
N_FEATURES = 6


def build(name, settings, fs_hz=250.0, n_leads=12, n_targets=5, seed=0):
    torch.manual_seed(seed)
    return registry.build(
        name, settings, n_leads=n_leads, n_samples=1000, fs_hz=fs_hz, n_targets=n_targets,
        n_features=N_FEATURES if registry.reads(name, settings) & registry.FEATURES else 0,
    )  # fmt: skip


def batch(n_samples=1000, n=4, n_leads=12):
    generator = torch.Generator().manual_seed(1)
    signal = torch.randn(n, n_leads, n_samples, generator=generator)
    features = torch.randn(n, N_FEATURES, generator=generator)
    features[1, 2] = features[3] = math.nan
    return Batch(
        signal=signal,
        lead_mask=torch.ones(n, n_leads),
        length=torch.full((n,), n_samples),
        age_days=torch.tensor([0.0, 700.0, 5000.0, math.nan])[:n],
        sex=torch.tensor([0, 1, -1, -1])[:n],
        features=features,
    )


def changed(original: Batch, **changes) -> Batch:
    return Batch(**(vars(original) | changes))


def trained_a_little(name, settings):
    """A network whose zero-initialised layers have left zero."""
    network = build(name, settings)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(batch()).square().sum().backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
    return network


def test_the_registry_is_what_is_tested_here():
    assert [n for n in registry.names() if registry.is_network(n)] == sorted(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_model_says_what_it_reads(name):
    assert registry.reads(name) <= registry.INPUTS


@pytest.mark.parametrize(("name", "settings"), CASES)
@pytest.mark.parametrize(("fs_hz", "n_samples"), [(100.0, 257), (250.0, 1000), (500.0, 2501)])
def test_any_rate_and_length_gives_one_logit_per_target(name, settings, fs_hz, n_samples):
    logits = build(name, settings, fs_hz)(batch(n_samples))
    assert logits.shape == (4, 5)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_leads_and_targets_are_as_many_as_asked(name, settings):
    assert build(name, settings, n_leads=1, n_targets=2)(batch(n_leads=1)).shape == (4, 2)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_parameter_learns(name, settings):
    network = trained_a_little(name, settings)
    seen = dict.fromkeys(
        (key for key, p in network.named_parameters() if p.requires_grad), False
    )  # some batches skip a block or hide an age
    for _ in range(4):
        network.zero_grad()
        network(batch()).square().sum().backward()
        for key, p in network.named_parameters():
            if p.grad is not None and p.grad.any():
                seen[key] = True
    assert [key for key, learnt in seen.items() if not learnt] == []
    frozen = settings.get("tuning") == "probe" or name == "random_encoder"
    assert frozen or all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_mask_is_seen(name, settings):
    network = build(name, settings).eval()
    whole = batch()
    mask = whole.lead_mask.clone()
    mask[:, 7] = 0
    assert not torch.equal(network(whole), network(changed(whole, lead_mask=mask)))


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_what_a_masked_lead_holds_has_no_say(name, settings):
    network = trained_a_little(name, settings).eval()
    whole = batch()
    mask = whole.lead_mask.clone()
    mask[:, 7] = 0
    noisy = whole.signal.clone()
    noisy[:, 7] += 5
    assert torch.equal(
        network(changed(whole, lead_mask=mask)),
        network(changed(whole, lead_mask=mask, signal=noisy)),
    )


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_padding_has_almost_no_say(name, settings):
    network = build(name, settings).eval()
    short = batch(900)
    padded = torch.nn.functional.pad(short.signal, (0, 1600))
    difference = network(changed(short, signal=padded)) - network(short)
    assert difference.abs().max() < 0.1 * network(short).abs().max()


def test_on_its_own_scale_neither_contact_nor_a_moved_hand_makes_beats_small():
    own = build("cnn_rnn", SEQUENCE | {"own_scale": True}, n_leads=1).eval()
    whole = batch(n_leads=1)
    twice = changed(whole, signal=2 * whole.signal)
    torch.testing.assert_close(own(twice), own(whole), rtol=1e-3, atol=1e-4)
    moved = whole.signal.clone()
    moved[:, :, 500:510] += 50
    scaled = cnn_rnn.own_scale(moved, whole.length)[:, :, :500]
    assert (scaled / cnn_rnn.own_scale(whole.signal, whole.length)[:, :, :500]).min() > 0.8


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_records_do_not_see_each_other(name, settings):
    network = build(name, settings).eval()
    whole = batch()
    alone = Batch(**{key: tensor[1:2] for key, tensor in vars(whole).items()})
    torch.testing.assert_close(network(whole)[1:2], network(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "settings"), WITH_AGE)
def test_age_and_sex_change_the_answer_and_may_be_unknown(name, settings):
    network = trained_a_little(name, settings).eval()
    child = batch()
    older = network(changed(child, age_days=child.age_days + 1000))
    other = network(changed(child, sex=1 - child.sex))
    before = network(child)
    assert torch.isfinite(before).all()
    assert not torch.equal(before[0], older[0])
    assert not torch.equal(before[0], other[0])
    assert torch.equal(before[3], older[3])  # unknown stays unknown


def test_an_unknown_number_is_not_a_usual_one():
    network = trained_a_little("cnn1d", PLAIN).eval()
    child = batch()
    usual = changed(child, features=torch.zeros_like(child.features))
    unknown = changed(child, features=torch.full_like(child.features, math.nan))
    assert torch.isfinite(network(unknown)).all()
    assert not torch.equal(network(child), network(usual))
    assert not torch.equal(network(usual), network(unknown))


def test_a_plain_network_has_two_outputs_whose_difference_is_the_logit():
    network = trained_a_little("cnn1d", PLAIN).eval()
    child = batch()
    outputs = network.outputs(child)
    assert outputs.shape == (4, 10)
    of_two = torch.softmax(outputs.view(4, 5, 2), dim=2)[..., 1]
    torch.testing.assert_close(torch.sigmoid(network(child)), of_two)


def test_a_plain_network_without_its_table_sees_the_signal_alone():
    network = trained_a_little("cnn1d", PLAIN | {"tabular": False}).eval()
    child = batch()
    other = changed(child, age_days=child.age_days + 9, sex=-child.sex, features=child.features + 1)
    assert torch.equal(network(child), network(other))


def test_the_mask_channel_is_one_more_input():
    with_channel = build("cnn1d", PLAIN | {"mask": "channel"}, n_leads=8)
    assert with_channel.first.in_channels == 9
    assert build("cnn1d", PLAIN, n_leads=8).first.in_channels == 8


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_same_seed_same_weights_other_seed_others(name, settings):
    first, same, other = (build(name, settings, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_weights_on_disk_give_the_same_answer(name, settings, tmp_path):
    network, other = trained_a_little(name, settings).eval(), build(name, settings, seed=1).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(network(batch()), other(batch()))


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("s4d", 0.08e6, 0.1e6),
        ("resnet1d", 0.8e6, 1.3e6),
        ("resnet1d_age", 0.8e6, 1.3e6),
        ("resnet1d_medium", 26e6, 29e6),
    ],
)
def test_the_defaults_are_as_large_as_they_are_stated_to_be(name, least, most):
    with torch.device("meta"):
        network = build(name, model_settings.read(name, PARAMS))
    assert least < sum(p.numel() for p in network.parameters()) < most


def test_skipped_blocks_leave_use_as_it_is():
    network = trained_a_little("resnet1d", MODERN | {"drop_path": 0.5, "dropout": 0.0})
    assert not torch.equal(network(batch()), network(batch()))
    network.eval()
    assert torch.equal(network(batch()), network(batch()))


def test_a_probe_changes_nothing_but_the_head():
    network = build("foundation", FOUNDATION | {"tuning": "probe"})
    before = {key: tensor.clone() for key, tensor in network.backbone.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network.train()
    network(batch()).square().sum().backward()
    optimizer.step()
    after = network.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_random_encoder_learns_nothing_but_its_head() -> None:
    network = build("random_encoder", TRUNK)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    trained = trained_a_little("random_encoder", TRUNK).state_dict()
    moved = {key for key in before if not torch.equal(before[key], trained[key])}
    assert {key.split(".")[0] for key in moved} == {"head", "scale"}
    assert network.learning_rates() == {"trunk.": 0.0}


def test_no_block_of_a_random_encoder_is_its_shortcut() -> None:
    for settings in (TRUNK, MODERN):
        trunk = build("random_encoder", settings).trunk
        zero = [
            key for key, value in trunk.named_parameters() if "weight" in key and not value.any()
        ]
        assert zero == []


def test_layers_nearer_to_the_signal_learn_slower():
    factors = build("foundation", FOUNDATION | {"tuning": "layerwise"}).learning_rates()
    names = ("backbone.", "backbone.blocks.0.", "backbone.blocks.4.")
    assert [factors[name] for name in names] == pytest.approx([0.75**6, 0.75**5, 0.75])
    assert not any(name.startswith("head") for name in factors)


def test_an_unknown_model_is_reported_with_those_that_there_are():
    with pytest.raises(PedecgError, match=r"no model 'resnet'; there are .*resnet1d, resnet1d_age"):
        registry.source_file("resnet")


@pytest.mark.parametrize("wrong", [{"width": "wide"}, {"widht": 8}, {"blocks": [1, 1]}])
def test_a_wrong_setting_is_reported_by_its_key(wrong):
    with pytest.raises(PedecgError, match=r"^params.yaml: .*models\.resnet1d\."):
        build("resnet1d", TRUNK | wrong)


def test_one_model_does_not_load_another():
    code = (
        "import sys; from pedecg.models import registry;"
        f"registry.build('resnet1d', {TRUNK}, n_leads=12, n_samples=1000, fs_hz=250, n_targets=5);"
        "sys.exit(any('resnet1d_age' in m or 'backbones' in m for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
