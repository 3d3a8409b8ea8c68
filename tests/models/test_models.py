"""Promises that every registered network keeps."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pedecg import params
from pedecg.errors import PedecgError
from pedecg.models import registry
from pedecg.models.base import Batch

TRUNK = {
    "width": 8,
    "blocks": [1, 1, 1, 1, 1],
    "stem_hz": 62.5,
    "stem_s": 0.1,
    "kernel_s": 0.08,
    "dropout": 0.1,
}
AGE = {"conditioning": "film", "age_features": 8, "hide_probability": 0.1}
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
VARIANTS = {
    "cnn1d": [PLAIN, PLAIN | {"mask": "channel", "tabular": False}],
    "resnet1d": [TRUNK],
    "resnet1d_age": [TRUNK | AGE, TRUNK | AGE | {"conditioning": "concat"}],
}
CASES = [(name, settings) for name, variants in VARIANTS.items() for settings in variants]
PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def build(name, settings, fs_hz=250.0, n_leads=12, n_targets=5, seed=0):
    torch.manual_seed(seed)
    return registry.build(
        name, settings, n_leads=n_leads, n_samples=1000, fs_hz=fs_hz, n_targets=n_targets
    )


def batch(n_samples=1000, n=4, n_leads=12):
    generator = torch.Generator().manual_seed(1)
    return Batch(
        signal=torch.randn(n, n_leads, n_samples, generator=generator),
        lead_mask=torch.ones(n, n_leads),
        length=torch.full((n,), n_samples),
        age_days=torch.tensor([0.0, 700.0, 5000.0, math.nan])[:n],
        sex=torch.tensor([0, 1, -1, -1])[:n],
        features=torch.empty(n, 0),
    )


def changed(original: Batch, **changes) -> Batch:
    return Batch(**(vars(original) | changes))


def trained_a_little(name, settings):
    """A network whose zero-initialised layers have left zero."""
    network = build(name, settings)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(batch()).square().sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return network


def test_the_registry_is_what_is_tested_here():
    assert registry.names() == sorted(VARIANTS)


@pytest.mark.parametrize(("name", "settings"), CASES)
@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 500.0])
@pytest.mark.parametrize("n_samples", [257, 1000, 2501])
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
    network.zero_grad()
    network(batch()).square().sum().backward()
    still = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_mask_is_seen(name, settings):
    network = build(name, settings).eval()
    whole = batch()
    mask = whole.lead_mask.clone()
    mask[:, 7] = 0
    assert not torch.equal(network(whole), network(changed(whole, lead_mask=mask)))


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_padding_has_almost_no_say(name, settings):
    network = build(name, settings).eval()
    short = batch(900)
    padded = torch.nn.functional.pad(short.signal, (0, 1600))
    difference = network(changed(short, signal=padded)) - network(short)
    assert difference.abs().max() < 0.1 * network(short).abs().max()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_records_do_not_see_each_other(name, settings):
    network = build(name, settings).eval()
    whole = batch()
    alone = Batch(**{key: tensor[1:2] for key, tensor in vars(whole).items()})
    torch.testing.assert_close(network(whole)[1:2], network(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", VARIANTS["resnet1d_age"])
def test_age_and_sex_change_the_answer_and_may_be_unknown(settings):
    network = trained_a_little("resnet1d_age", settings).eval()
    child = batch()
    older = network(changed(child, age_days=child.age_days + 1000))
    other = network(changed(child, sex=1 - child.sex))
    before = network(child)
    assert torch.isfinite(before).all()
    assert not torch.equal(before[0], older[0])
    assert not torch.equal(before[0], other[0])
    assert torch.equal(before[3], older[3])  # unknown stays unknown


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_same_seed_same_weights_other_seed_others(name, settings):
    first, same, other = (build(name, settings, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_default_has_about_a_million_parameters(name):
    network = build(name, params.read_section(f"models.{name}", PARAMS))
    assert 0.8e6 < sum(p.numel() for p in network.parameters()) < 1.3e6


def test_an_unknown_model_is_told_with_those_that_there_are():
    with pytest.raises(PedecgError, match="no model 'resnet'; there are resnet1d, resnet1d_age"):
        build("resnet", TRUNK)


@pytest.mark.parametrize("wrong", [{"width": "wide"}, {"widht": 8}, {"blocks": [1, 1]}])
def test_a_wrong_setting_is_told_by_its_key(wrong):
    with pytest.raises(PedecgError, match=r"^params.yaml: .*models\.resnet1d\."):
        build("resnet1d", TRUNK | wrong)


def test_one_model_does_not_load_another():
    code = (
        "import sys; from pedecg.models import registry;"
        f"registry.build('resnet1d_age', {TRUNK | AGE}, n_leads=12, n_samples=1000, fs_hz=250,"
        "n_targets=5); sys.exit('pedecg.models.resnet1d' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
