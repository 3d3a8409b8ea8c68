"""What a model that pools by attention looked at, laid over the trace."""

import numpy as np
import planted
import pytest
import torch
from planted import SETTINGS

from pedecg.core.errors import PedecgError
from pedecg.explain import attribution, explanation_pages
from pedecg.models import registry

ATTENTION = {
    "family": "cnn_rnn", "channels": [4, 8], "reduce": [4, 2], "frame_s": 0.04, "kernel_s": 0.035,
    "residual": False, "sequence": "gru", "hidden": 8, "layers": 1, "both_ways": True,
    "heads": 2, "pooling": "attention", "forget_bias": 1, "sequence_rate": 1, "dropout": 0.1,
}  # fmt: skip


def network(**changes):
    torch.manual_seed(0)
    sizes = {"n_leads": 12, "n_samples": 500, "fs_hz": 250.0, "n_targets": 2}
    return registry.build("attention", ATTENTION | changes, **sizes).eval().requires_grad_(False)


def test_the_weights_of_the_steps_lie_over_their_samples():
    signal, *_ = planted.heart(True, True, np.random.default_rng(0))
    piece = planted.stretch(signal)
    seen = attribution.explain([network()], piece, 0, SETTINGS, ("attention",))["attention"]
    assert seen.shape == signal.shape
    assert seen.sum() == pytest.approx(1)
    np.testing.assert_allclose(seen[0], seen[-1])
    assert len(np.unique(seen[0, :8])) == 1  # eight samples are one step


def test_another_pooling_has_no_weights_and_is_reported_so():
    signal, *_ = planted.heart(True, True, np.random.default_rng(0))
    with pytest.raises(PedecgError, match="does not pool by attention"):
        attribution.explain(
            [network(pooling="mean")], planted.stretch(signal), 0, SETTINGS, ("attention",)
        )


def test_even_attention_has_no_colour_and_three_times_as_much_has_all():
    assert explanation_pages.above_even(np.full((1, 100), 0.01)).max() < 1e-9
    peak = np.full((1, 100), 0.97 / 99)
    peak[0, 40] = 0.03
    colour = explanation_pages.above_even(peak)
    assert colour[0, 40] == pytest.approx(1)
    assert colour[0, 0] == 0
