"""Promises of contrastive predictive coding: what is compared with what, and what sees what."""

import numpy as np
import pytest
import small_hospital
import torch
from test_pretrain import learn, settings

from pedecg.core.errors import PedecgError
from pedecg.learning.crop_training import unlabelled
from pedecg.learning.predictive_training import identified
from pedecg.models.backbones import predictive_coding
from pedecg.models.backbones.predictive_coding import PredictiveCoding, Windows
from pedecg.models.network_base import TrunkSettings
from pedecg.plots import identified_windows

WINDOW, AHEAD = 50, 2


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    trunk = TrunkSettings(**small_hospital.SMALL)
    return PredictiveCoding(
        trunk, n_leads=12, fs_hz=125, window=WINDOW, steps_ahead=AHEAD, n_context=16
    ).eval()


def batch(n=3, seed=0, **changes):
    signal = torch.randn(n, 12, 5 * WINDOW, generator=torch.Generator().manual_seed(seed))
    values = {"lead_mask": torch.ones(n, 12), "length": torch.full((n,), 5 * WINDOW)} | changes
    return unlabelled(signal, **values)


def marked(recorded):
    """Windows whose prediction for step k is exactly the code of the window k steps later."""
    n, n_windows = recorded.shape
    codes = torch.eye(n * n_windows).view(n, n_windows, -1)
    later = torch.cat([codes, torch.zeros(n, AHEAD, codes.shape[-1])], dim=1)
    predicted = torch.stack([later[:, k : k + n_windows] for k in range(1, AHEAD + 1)], dim=2)
    return Windows(codes, predicted, recorded)


def test_the_positive_is_the_window_of_the_same_crop_so_many_steps_later():
    found = predictive_coding.compare(marked(torch.ones(3, 5, dtype=torch.bool)), torch.arange(3))
    assert len(found.target) == 3 * (4 + 3)
    assert found.identified().all()
    assert sorted(found.step.tolist()) == [1] * 12 + [2] * 9
    assert (found.target // 5 == found.row).all()
    assert (found.chance() == 1 / 15).all()


def test_padding_is_neither_positive_nor_negative():
    recorded = torch.tensor([[True] * 5, [True] * 2 + [False] * 3, [True] + [False] * 4])
    found = predictive_coding.compare(marked(recorded), torch.arange(3))
    assert found.logits.shape == (7 + 1, 5 + 2 + 1)
    assert found.row.tolist() == [0] * 7 + [1]
    assert found.identified().all()


def test_other_crops_of_a_record_are_no_negatives_and_its_own_windows_are():
    records = torch.tensor([7, 3, 7])
    found = predictive_coding.compare(marked(torch.ones(3, 5, dtype=torch.bool)), records)
    compared = found.logits.isfinite().view(-1, 3, 5)
    for row, of_crops in zip(found.row.tolist(), compared, strict=True):
        expected = [records[other] != records[row] or other == row for other in range(3)]
        assert of_crops.all(1).tolist() == of_crops.any(1).tolist() == expected
    assert found.identified().all()


def test_a_batch_of_records_too_short_for_a_prediction_has_loss_0_with_a_gradient(network):
    found = predictive_coding.compare(
        network(batch(length=torch.tensor([WINDOW, 10, 0]))), torch.arange(3)
    )
    value = predictive_coding.loss(found)
    value.backward()
    assert float(value.detach()) == 0


def test_no_sample_of_the_future_reaches_a_prediction(network):
    one, other = batch(), batch()
    other.signal[..., 3 * WINDOW :] = 9
    with torch.inference_mode():
        before, after = network(one), network(other)
    assert torch.equal(before.predicted[:, :3], after.predicted[:, :3])
    torch.testing.assert_close(before.encoded[:, :3], after.encoded[:, :3])
    assert not torch.allclose(before.encoded[:, 3:], after.encoded[:, 3:])
    assert not torch.allclose(before.predicted[:, 3:], after.predicted[:, 3:])


def test_absent_leads_and_padding_are_ignored(network):
    mask = torch.ones(3, 12)
    mask[0, [2, 7]] = 0
    given = {"lead_mask": mask, "length": torch.tensor([250, 120, 250])}
    one, other = batch(**given), batch(**given)
    other.signal[0, [2, 7]] = 9
    other.signal[1, :, 120:] = 9
    with torch.inference_mode():
        before, after = network(one), network(other)
    assert before.recorded.tolist() == [[True] * 5, [True] * 2 + [False] * 3, [True] * 5]
    assert torch.equal(before.encoded, after.encoded)
    assert (before.encoded[1, 2:] == 0).all()


def test_it_identifies_the_next_window_far_more_often_than_by_chance(data, tmp_path):
    learnt = learn(data, objective="cpc", epochs=6, crops_per_record=2)
    last = learnt.curves[-1]
    assert last["identified"] > 3 * last["chance"]
    rates = identified(
        learnt.network, learnt.held_out, data.store, small_hospital.NORMALISATION,
        settings(objective="cpc"),
    )  # fmt: skip
    assert rates.share.shape == (AHEAD,)
    assert rates.n_records == len(learnt.held_out)
    assert (rates.interval[:, 0] <= rates.share).all()
    assert (rates.share <= rates.interval[:, 1]).all()
    assert np.average(rates.share, weights=[4, 3]) == pytest.approx(last["identified"], abs=0.05)
    identified_windows.picture(rates, 0.4, tmp_path / "identified.png", "x")
    assert (tmp_path / "identified.png").stat().st_size > 1000


def test_records_too_short_for_a_prediction_have_no_figure(data, tmp_path):
    long_windows = PredictiveCoding(
        TrunkSettings(**small_hospital.SMALL), n_leads=12, fs_hz=125, window=150, steps_ahead=2,
        n_context=16,
    ).eval()  # fmt: skip
    rates = identified(
        long_windows, np.arange(3), data.store, small_hospital.NORMALISATION,
        settings(objective="cpc"),
    )  # fmt: skip
    assert rates.n_records == 0
    assert np.isnan(rates.share).all()
    identified_windows.picture(rates, 1.2, tmp_path / "none.png", "x")


def test_a_crop_too_short_for_the_windows_is_one_line():
    with pytest.raises(
        PedecgError, match=r"crop_seconds must hold steps_ahead \+ 1 windows.*1\.2 s"
    ):
        settings(objective="cpc", crop_seconds=1)
    assert settings(crop_seconds=1).objective == "masked_autoencoder"
