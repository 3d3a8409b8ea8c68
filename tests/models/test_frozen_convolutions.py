"""Promises of a variant that starts with the convolutions of another training."""

import pytest
import torch
from safetensors.torch import save_file

from pedecg.core.errors import PedecgError
from pedecg.learning import optimiser
from pedecg.models import registry
from pedecg.models.network_base import Batch

PLAIN = {
    "family": "cnn_rnn", "channels": [4, 8], "reduce": [4, 4], "frame_s": 0.04, "kernel_s": 0.035,
    "residual": False, "sequence": "none", "hidden": 8, "layers": 1, "both_ways": False,
    "heads": 2, "pooling": "mean", "forget_bias": 1, "sequence_rate": 1, "dropout": 0.1,
}  # fmt: skip


def build(**changes):
    sizes = {"n_leads": 1, "n_samples": 300, "fs_hz": 300.0, "n_targets": 4}
    return registry.build("variant", PLAIN | changes, **sizes)


def batch(n=6):
    unknown = torch.full((n,), float("nan"))
    return Batch(
        torch.randn(n, 1, 300, generator=torch.Generator().manual_seed(0)), torch.ones(n, 1),
        torch.full((n,), 300), unknown, torch.full((n,), -1), torch.empty(n, 0),
    )  # fmt: skip


@pytest.fixture
def frozen(tmp_path):
    """An LSTM on the convolutions of a network that was trained before, and these."""
    before = build()
    save_file(before.state_dict(), tmp_path / "weights.safetensors")
    model = build(sequence="lstm", cnn_from=str(tmp_path), cnn_rate=0)
    assert str(tmp_path) in model.load_pretrained("nowhere")
    return model, before


def test_a_variant_reads_a_training_only_where_it_names_one():
    assert registry.reads("variant", PLAIN) == {"signals"}
    assert registry.reads("variant", PLAIN | {"cnn_from": "models/x/seed0"}) == {
        "signals",
        "pretrained",
    }


def test_frozen_convolutions_stay_bit_for_bit_while_the_lstm_learns(frozen):
    model, before = frozen
    rates = model.learning_rates()
    groups = optimiser.parameter_groups(model, 0.1, 0.0)
    optimizer = torch.optim.SGD([p for group in groups for p in group["params"]], lr=0.1)
    start = {name: each.clone() for name, each in model.sequence.state_dict().items()}
    model.train()
    for _ in range(2):
        optimizer.zero_grad()
        model(batch()).square().sum().backward()
        optimizer.step()
    assert rates["cnn."] == 0
    for name, each in before.cnn.state_dict().items():
        torch.testing.assert_close(model.cnn.state_dict()[name], each, rtol=0, atol=0)
    assert any((model.sequence.state_dict()[name] != each).any() for name, each in start.items())


def test_parts_learn_at_rates_of_their_own(tmp_path):
    model = build(sequence="gru", sequence_rate=0.5, cnn_rate=0.1)
    groups = optimiser.parameter_groups(model, 0.1, 0.0)
    assert {group["factor"] for group in groups} == {0.5, 0.1, 1.0}


def test_convolutions_of_another_shape_are_refused(tmp_path):
    save_file(build().state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(PedecgError, match="other convolutions"):
        build(channels=[4, 16], cnn_from=str(tmp_path)).load_pretrained("nowhere")
    with pytest.raises(PedecgError, match="no convolutions to take over"):
        build(channels=[], reduce=[], sequence="lstm", cnn_from=str(tmp_path))


def test_there_must_be_a_training(tmp_path):
    with pytest.raises(PedecgError, match=r"weights\.safetensors"):
        build(cnn_from=str(tmp_path / "none")).load_pretrained("nowhere")


def test_without_cnn_from_nothing_is_frozen():
    assert registry.settings("variant", PLAIN).model_validate(PLAIN).cnn_rate == 1
