"""One network for every lead, any number of leads, any length; small, and deterministic."""

import numpy as np
import pytest
import torch

from pedecg.errors import PedecgError
from pedecg.waves import decode, fit, learned
from pedecg.waves.annotations import QRS, Labelled, P, T, marks_of
from pedecg.waves.network import Network, Settings

SMALL = Settings(widths=[8, 12, 16], blocks=[1, 1], dilations=[1], kernel=5)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network(SMALL).eval()


@pytest.mark.parametrize("n_leads", [1, 2, 9, 12])
@pytest.mark.parametrize("n_samples", [256, 2504])
def test_any_number_of_leads_and_any_length_pass(network, n_leads, n_samples):
    signal = torch.randn(2, n_leads, n_samples // network.stride * network.stride)
    assert network(signal).shape == (2, n_leads, 3, signal.shape[2] // 2)


def test_the_order_of_leads_does_not_matter(network):
    signal = torch.randn(1, 6, 512)
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    torch.testing.assert_close(network(signal)[:, order], network(signal[:, order]))


def test_folding_the_normalisation_changes_no_answer(network):
    signal = torch.randn(1, 3, 512)
    torch.testing.assert_close(network(signal), network.fused()(signal), atol=1e-4, rtol=1e-4)


def test_a_long_record_gives_the_same_answer_in_pieces_as_at_once(network, monkeypatch):
    prepared = np.random.default_rng(0).normal(size=(2, 250 * 40)).astype(np.float32)
    whole = learned.probabilities(prepared, network)
    monkeypatch.setattr(learned, "PIECE_S", 10.0)
    pieces = learned.probabilities(prepared, network)
    assert pieces.shape == whole.shape
    np.testing.assert_allclose(pieces, whole, atol=1e-4)


def test_a_boundary_lies_between_frames():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, QRS, 40:50] = 1.0
    probability[0, QRS, 39] = 0.25
    found = decode.waves(probability)
    assert found.kind.tolist() == [QRS]
    assert found.onset_s[0] == pytest.approx((39 + 1 / 3) * 0.008)


def test_a_wave_cut_by_the_edge_has_no_boundary_there():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, T, :20] = probability[0, P, 90:] = 1.0
    found = decode.waves(probability)
    assert np.isnan(found.onset_s[found.kind == T]).all()
    assert np.isnan(found.offset_s[found.kind == P]).all()


def test_a_doubtful_wave_is_absent_and_a_dip_does_not_split_one():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, P, 10:20] = 0.45
    probability[0, T, 40:60] = 0.9
    probability[0, T, 50:52] = 0.4
    assert decode.waves(probability).kind.tolist() == [T]


def test_one_noisy_lead_does_not_move_the_global_wave():
    probability = np.zeros((12, 3, 100), np.float32)
    probability[:, QRS, 40:50] = 1.0
    probability[0, QRS, 20:70] = 1.0
    found = decode.waves(decode.together(probability)[None])
    assert found.onset_s == pytest.approx([39.5 * 0.008], abs=0.002)


def toy_record(n_beats: int = 12) -> Labelled:
    """One lead whose waves are Gaussians, 100 per minute at 500 Hz."""
    time = np.arange(500 * 8) / 500
    signal, waves = np.zeros_like(time), []
    for beat in range(n_beats):
        for kind, centre, half, height in ((P, 0.1, 0.04, 0.2), (QRS, 0.25, 0.035, 1.0),
                                           (T, 0.45, 0.08, 0.3)):  # fmt: skip
            at = 0.3 + 0.6 * beat + centre
            signal += height * np.exp(-0.5 * ((time - at) / (half / 2.2)) ** 2)
            waves.append((kind, at - half, at, at + half))
    marks = marks_of(np.array(waves))
    return Labelled("toy", "simulated", signal[None].astype(np.float32), 500.0, ("II",), (marks,))


def toy_settings(steps: int) -> fit.Settings:
    return fit.Settings(
        seed=0, steps=steps, leads_per_step=12, window_s=2.048, learning_rate=1e-2,
        weight_decay=0.0, average=0.9, without_p=1.0, mixture={"simulated": 1.0}, network=SMALL,
        augment=fit.augment.Settings(
            fast=0.0, fastest_bpm=200, stretch=1.1, noise=0.0, lost_lead=0.0, flip=0.0,
            irregular=0.0, fibrillating=0.0,
        ),
    )  # fmt: skip


def test_training_twice_gives_the_same_weights():
    first, second = (fit.fit([toy_record()], toy_settings(3)).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_mixture_without_records_says_so():
    settings = toy_settings(1).model_copy(update={"mixture": {"ludb": 1.0}})
    with pytest.raises(PedecgError, match=r"train\.mixture.*ludb"):
        fit.fit([toy_record()], settings)


def test_a_few_steps_learn_a_toy_heart(tmp_path):
    record = toy_record()
    network = fit.fit([record], toy_settings(150))
    learned.save(network, SMALL, tmp_path)
    waves = learned.delineate(record.signal_mv, 500, ["II"], tmp_path)
    found = waves[(waves["wave"] == "QRS") & (waves["lead"] == "II")]["onset_s"].to_numpy(float)
    np.testing.assert_allclose(found, record.marks[0].of(QRS)[:, 0], atol=0.02)
