"""A recorder's end value is seen as such, and a heart's own peak is not."""

import numpy as np
import pytest

from pedecg.signals import clipping

FS_HZ = 500


def r_waves(height_mv, width_s=0.012, beats=10, step_mv=0.001, seed=0):
    """R waves of nearly one height, with T, in steps of a recorder."""
    rng = np.random.default_rng(seed)
    time = np.arange(beats * FS_HZ * 0.8) / FS_HZ
    r = 0.4 + 0.8 * np.arange(beats)
    height = height_mv * (1 + 0.02 * rng.normal(size=beats))
    wave = (height * np.exp(-0.5 * ((time[:, None] - r) / width_s) ** 2)).sum(1)
    wave += (0.3 * np.exp(-0.5 * ((time[:, None] - r - 0.25) / 0.04) ** 2)).sum(1)
    wave += 0.005 * rng.normal(size=len(time))
    return np.round(wave / step_mv) * step_mv


@pytest.mark.parametrize("end_mv", [3.2767, 5.0, 10.0, 1.7])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("step_mv", [0.0001, 0.005])
def test_waves_beyond_the_recorders_end_are_found_on_their_side(end_mv, sign, step_mv):
    whole = sign * r_waves(1.4 * end_mv, step_mv=step_mv)
    found = clipping.clipped(np.clip(whole, -end_mv, end_mv)[None], ("V5",))
    cut = found.highest_mv if sign > 0 else found.lowest_mv
    assert cut == {"V5": pytest.approx(sign * end_mv, abs=0.1)}
    assert not (found.lowest_mv if sign > 0 else found.highest_mv)


@pytest.mark.parametrize("height_mv", [0.4, 1.0, 3.2767, 5.0])
@pytest.mark.parametrize("step_mv", [0.0001, 0.005, 0.05])
@pytest.mark.parametrize("width_s", [0.006, 0.012, 0.04])
def test_a_whole_wave_is_not_clipped_however_coarse_the_recorder(height_mv, step_mv, width_s):
    for seed in range(5):
        wave = r_waves(height_mv, width_s, step_mv=step_mv, seed=seed)
        assert not clipping.clipped(wave[None], ("II",))


def test_an_electrode_at_the_rail_is_no_heart():
    wave = r_waves(1.0)
    wave[100:110] = wave[900:910] = 26.6
    assert not clipping.clipped(wave[None], ("II",))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_lead_that_exceeds_12_mv_with_each_beat_has_no_amplitude_on_that_side(sign):
    leads = np.stack([sign * r_waves(15.0), r_waves(9.0)])
    found = clipping.with_excess(clipping.NOT_CLIPPED, leads, ("V5", "II"), FS_HZ)
    assert found.highest_mv == ({"V5": 12.0} if sign > 0 else {})
    assert found.lowest_mv == ({} if sign > 0 else {"V5": -12.0})


def test_a_few_artefacts_above_12_mv_spoil_no_amplitude():
    wave = r_waves(1.0)
    for at in (100, 105, 900, 2400):
        wave[at : at + 3] = 26.6
    assert not clipping.with_excess(clipping.NOT_CLIPPED, wave[None], ("II",), FS_HZ)


def test_missing_and_flat_leads_are_not_clipped():
    leads = np.stack([np.full(5000, np.nan), np.zeros(5000), np.full(5000, 3.2767)])
    assert not clipping.clipped(leads, ("I", "II", "III"))


@pytest.mark.real
def test_of_350_real_records_none_is_called_clipped(shared_data):
    from pedecg.cohorts import recordings

    places, _ = recordings.find([shared_data / "ptbxl_subset" / "records100"])
    opened = [recordings.read(place) for place in places]
    assert len(opened) == 350
    assert [r.record_id for r in opened if clipping.clipped(r.signal_mv, r.leads)] == []
