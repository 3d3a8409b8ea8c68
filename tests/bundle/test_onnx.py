"""A network as ONNX gives the logits that it gives in torch."""

import math

import numpy as np
import onnxruntime
import pytest
import small_project
import torch

from pedecg.bundle import onnx_export
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.models import registry
from pedecg.models.network_base import Batch

N_FEATURES = 6
VARIANTS = [
    ("resnet1d", {"squeeze": 0.25}),
    ("resnet1d_age", {"conditioning": "concat"}),
    ("resnet1d_medium", {"order": "post", "stem": "single"}),
    ("cnn_rnn", {"sequence": "none", "pooling": "mean", "own_scale": True}),
    ("cnn_rnn", {"sequence": "lstm", "layers": 2, "pooling": "last"}),
    ("cnn_rnn", {"sequence": "transformer", "pooling": "mean"}),
]


def network_of(name, **changes):
    settings = small_project.settings_of(name) | changes
    n_features = N_FEATURES if registry.reads(name, settings) & registry.FEATURES else 0
    return small_project.trained(name, settings, n_features=n_features)


def batch(n, n_samples, n_features):
    """Records with leads missing, one of them short, ages, sexes and rule features unknown."""
    generator = torch.Generator().manual_seed(n_samples)
    lead_mask = torch.ones(n, 12)
    lead_mask[0, [7, 9, 11]] = 0
    length = torch.full((n,), n_samples)
    length[-1] = n_samples - n_samples // 7
    recorded = torch.arange(n_samples) < length[:, None]
    signal = torch.randn(n, 12, n_samples, generator=generator)
    features = torch.randn(n, n_features, generator=generator)
    features[-1] = math.nan
    return Batch(
        signal=signal * lead_mask[:, :, None] * recorded[:, None],
        lead_mask=lead_mask,
        length=length,
        age_days=torch.tensor([math.nan, 3.0, 5000.0, 700.0, 0.0])[:n],
        sex=torch.tensor([-1, 0, 1, 1, 0])[:n],
        features=features,
    )


def assert_agree(trained, folder):
    file = folder / "network.onnx"
    onnx_export.export(trained, file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (only,) = (one.shape[2] for one in session.get_inputs() if one.name == "signal")
    for n, n_samples in ((1, 1000), (2, 999), (5, 257), (3, 1251), (1, 2501), (5, 1000)):
        if only not in ("samples", n_samples):  # recurrent layers hold for a window alone
            continue
        asked = batch(n, n_samples, len(trained.card.feature_names))
        with torch.inference_mode():
            expected = trained.network(asked).numpy()
        given = {name: part.numpy() for name, part in vars(asked).items()}
        found = session.run([onnx_export.OUTPUT], given)[0]
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=f"{n} of {n_samples}")
    assert np.ptp(expected, axis=0).min() > 1e-3  # records differ, so that agreement says something


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry.names() if registry.is_network(n)])
def test_every_registered_model_agrees_with_torch(name, tmp_path):
    assert_agree(network_of(name), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_every_kind_of_layer_agrees_with_torch(name, changes, tmp_path):
    assert_agree(network_of(name, **changes), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["ecgfounder", "hubert_ecg"])
def test_a_network_that_resamples_its_own_input_is_refused_in_one_line(backbone, tmp_path):
    trained = network_of("foundation", backbone=backbone, without_weights="random")
    with pytest.raises(PedecgError, match="foundation: cannot be written as ONNX") as fault:
        onnx_export.export(trained, tmp_path / "network.onnx")
    assert "\n" not in str(fault.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes_that_tell_no_place(tmp_path):
    one = network_of("resnet1d")
    onnx_export.export(one, tmp_path / "a.onnx")
    onnx_export.export(one, tmp_path / "b.onnx")
    written = (tmp_path / "a.onnx").read_bytes()
    assert written == (tmp_path / "b.onnx").read_bytes()
    assert str(small_project.ROOT).encode() not in written
    assert b".py" not in written


def test_every_model_of_the_parameters_is_one_of_the_registry():
    sections = params.read_section("models", small_project.ROOT / "params.yaml")
    assert set(registry.names()) <= set(sections)
