"""One network for every lead, any number of leads, any length; small, and deterministic."""

import numpy as np
import pytest
import torch
import toy_heart

from pedecg.delineator import train_network
from pedecg.waves import delineator_inference, network_output
from pedecg.waves.annotations import QRS, P, T
from pedecg.waves.wave_network import Network


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network(toy_heart.SMALL).eval()


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
    whole = delineator_inference.probabilities(prepared, network)
    monkeypatch.setattr(delineator_inference, "PIECE_S", 10.0)
    pieces = delineator_inference.probabilities(prepared, network)
    assert pieces.shape == whole.shape
    np.testing.assert_allclose(pieces, whole, atol=1e-4)


def test_a_boundary_lies_between_frames():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, QRS, 40:50] = 1.0
    probability[0, QRS, 39] = 0.25
    found = network_output.waves(probability)
    assert found.kind.tolist() == [QRS]
    assert found.onset_s[0] == pytest.approx((39 + 1 / 3) * 0.008)


def test_a_wave_cut_by_the_edge_has_no_boundary_there():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, T, :20] = probability[0, P, 90:] = 1.0
    found = network_output.waves(probability)
    assert np.isnan(found.onset_s[found.kind == T]).all()
    assert np.isnan(found.offset_s[found.kind == P]).all()


def test_a_doubtful_wave_is_absent_and_a_dip_does_not_split_one():
    probability = np.zeros((1, 3, 100), np.float32)
    probability[0, P, 10:20] = 0.45
    probability[0, T, 40:60] = 0.9
    probability[0, T, 50:52] = 0.4
    assert network_output.waves(probability).kind.tolist() == [T]


def test_one_noisy_lead_does_not_move_the_global_wave():
    probability = np.zeros((12, 3, 100), np.float32)
    probability[:, QRS, 40:50] = 1.0
    probability[0, QRS, 20:70] = 1.0
    found = network_output.waves(network_output.together(probability)[None])
    assert found.onset_s == pytest.approx([39.5 * 0.008], abs=0.002)


def test_a_few_steps_learn_a_toy_heart(tmp_path):
    record = toy_heart.record()
    network = train_network.fit([record], toy_heart.settings(150), None).network
    examples = [(record.signal_mv, record.fs_hz)]
    delineator_inference.save(network, toy_heart.SMALL, examples, tmp_path)
    waves = delineator_inference.delineate(record.signal_mv, 500, ["II"], tmp_path)
    found = waves[(waves["wave"] == "QRS") & (waves["lead"] == "II")]["onset_s"].to_numpy(float)
    np.testing.assert_allclose(found, record.marks[0].of(QRS)[:, 0], atol=0.02)
