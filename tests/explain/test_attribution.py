"""A map points to what makes the difference, in time and in the leads, and to nothing absent."""

import numpy as np
import planted
import pytest
import torch
from planted import SETTINGS

from pedecg.core.errors import PedecgError
from pedecg.explain import attribution, gradcam_layers


def ill(seed: int = 5, **changes):
    return planted.heart(*({"inverted": True, "tall": True} | changes).values(),
                         np.random.default_rng(seed))  # fmt: skip


@pytest.mark.parametrize("method", attribution.METHODS)
def test_a_finding_in_t_is_found_in_t_and_not_in_the_taller_qrs(network, method):
    signal, qrs, t_wave = ill(tall=False)
    seen = attribution.explain([network], planted.stretch(signal), 0, SETTINGS)[method]
    in_t = seen[:, t_wave].sum()
    assert in_t > 1.3 * t_wave.mean()
    assert in_t > seen[:, qrs].sum()


@pytest.mark.parametrize("method", attribution.METHODS)
def test_a_finding_in_one_lead_is_found_in_that_lead(network, method):
    signal, *_ = ill(inverted=False)
    seen = attribution.explain([network], planted.stretch(signal), 1, SETTINGS)[method]
    by_lead = seen.sum(axis=1)
    assert by_lead.argmax() == planted.V1
    assert by_lead[planted.V1] > 2 / 12


@pytest.mark.parametrize("method", attribution.METHODS)
def test_an_absent_lead_gets_nothing(network, method):
    signal, *_ = ill()
    mask = np.ones(12)
    mask[[7, 9, 11]] = 0
    seen = attribution.explain([network], planted.stretch(signal, mask=mask), 0, SETTINGS)[method]
    assert (seen[[7, 9, 11]] == 0).all()
    assert seen.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["resnet1d", "resnet1d_age"])
@pytest.mark.parametrize("seconds", [1.1, 3.0, 7.3])
def test_every_model_and_every_length_gives_a_map_of_its_own_length(name, seconds):
    network = planted.build(name).eval().requires_grad_(False)
    signal, *_ = planted.heart(True, True, np.random.default_rng(2), seconds)
    for age_days in (900.0, float("nan")):
        piece = planted.stretch(signal, age_days=age_days)
        for seen in attribution.explain([network], piece, 0, SETTINGS).values():
            assert seen.shape == signal.shape
            assert (seen >= 0).all()
            assert seen.sum() == pytest.approx(1) or seen.sum() == 0


def test_windows_that_overlap_are_averaged():
    signal = np.zeros((12, 750), np.float32)
    piece = planted.stretch(signal)
    starts = piece.starts.tolist()
    maps = torch.arange(1.0, len(starts) + 1).view(-1, 1, 1).expand(-1, 12, piece.crop)
    covering = [
        [number for number, start in enumerate(starts, 1) if start <= sample < start + piece.crop]
        for sample in range(750)
    ]
    assert max(map(len, covering)) > 1
    expected = np.tile([np.mean(numbers) for numbers in covering], (12, 1))
    np.testing.assert_allclose(piece.together(maps), expected)


def test_grad_cam_keeps_time(network):
    """A finding that comes later is seen as much later, to one step of the layer."""
    time = np.arange(round(planted.SECONDS * planted.FS_HZ)) / planted.FS_HZ
    seen_s = []
    for at_s in (1.0, 1.256, 1.768):
        bump = -np.exp(-0.5 * ((time - at_s) / 0.05) ** 2)
        batch = planted.stretch(np.tile(bump, (12, 1)).astype(np.float32)).batch()
        layer = gradcam_layers.choose(network, batch, planted.FS_HZ, 12)
        seen = attribution.over_time(network, layer, batch, 0)[0].numpy()
        seen_s.append(time[seen.argmax()])
        assert abs(seen_s[-1] - at_s) < 0.25
    assert np.diff(seen_s) == pytest.approx([0.256, 0.512], abs=0.07)


def test_integrated_gradients_add_up_to_the_difference_in_the_logit(network):
    from captum.attr import IntegratedGradients

    signal, *_ = ill()
    batch = planted.stretch(signal).batch()
    others = attribution._others(batch)
    of_signal = attribution.OfSignal(network)
    parts = IntegratedGradients(of_signal).attribute(
        batch.signal, 0 * batch.signal, 0, others, n_steps=64
    )
    change = of_signal(batch.signal, *others) - of_signal(0 * batch.signal, *others)
    assert float(parts.sum()) == pytest.approx(float(change[0, 0]), rel=0.1)


def test_the_layer_is_the_deepest_that_still_knows_when(network):
    batch = planted.stretch(ill()[0]).batch()
    blocks = list(network.trunk.blocks)
    chosen = [gradcam_layers.choose(network, batch, planted.FS_HZ, hz) for hz in (50, 25, 12, 3)]
    assert chosen == [blocks[0], blocks[1], blocks[2], blocks[4]]


def test_a_model_may_name_its_own_layer(network):
    named = planted.build()
    named.attribution_layer = named.trunk.blocks[3]
    batch = planted.stretch(ill()[0]).batch()
    assert gradcam_layers.choose(named, batch, planted.FS_HZ, 60) is named.trunk.blocks[3]


def test_a_model_without_such_a_layer_is_reported_so(network):
    batch = planted.stretch(ill()[0]).batch()
    with pytest.raises(PedecgError, match="attribution_layer"):
        gradcam_layers.choose(network, batch, planted.FS_HZ, 400)
