"""From a recording of any rate and any leads to twelve leads in the store."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS, NINE_LEADS, EcgRecord, canonical_lead
from pedecg.signals import preprocess, signal_store


def recording(leads=LEADS, fs_hz=500.0, seconds=10.0, amplitude=1.0) -> EcgRecord:
    """Beats of another height in every lead, so that no two leads can be confused."""
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    beat = np.exp(-0.5 * (((t % 0.6) - 0.3) / 0.02) ** 2)
    height = np.array([[1 + LEADS.index(lead)] for lead in leads])
    signal = (amplitude * height * beat).astype(np.float32)
    return EcgRecord(signal, fs_hz, tuple(leads))


@given(
    leads=st.lists(st.sampled_from(LEADS), min_size=1, unique=True),
    fs_hz=st.sampled_from([100.0, 360.0, 500.0, 1000.0]),
)
@settings(max_examples=25, deadline=None)
def test_leads_are_found_by_name_and_absent_ones_are_zeros(preprocess_settings, leads, fs_hz):
    chosen = preprocess_settings(high_hz=40)
    counts, mask, _ = preprocess.prepare(recording(tuple(leads), fs_hz), frozenset(), chosen)
    assert counts.shape == (12, 2500)
    assert list(mask) == [lead in leads for lead in LEADS]
    assert not counts[~mask].any()
    height = np.ptp(counts, axis=1) / 1000
    expected = np.array([1 + row if mask[row] else 0 for row in range(12)])
    np.testing.assert_allclose(height, expected, atol=0.05, rtol=0.05)


def test_an_unusable_lead_is_masked_and_counted(preprocess_settings):
    counts, mask, done = preprocess.prepare(
        recording(NINE_LEADS), frozenset({"aVR", "V1"}), preprocess_settings()
    )
    assert [LEADS[i] for i in np.flatnonzero(~mask)] == ["aVR", "V1", "V2", "V4", "V6"]
    assert not counts[~mask].any()
    assert (done.leads_absent, done.leads_refused) == (3, 2)


def test_a_record_without_any_usable_lead_keeps_its_place(preprocess_settings):
    counts, mask, done = preprocess.prepare(
        recording(("I", "II")), frozenset({"I", "II"}), preprocess_settings()
    )
    assert counts.shape == (12, 2500)
    assert not mask.any()
    assert not counts.any()
    assert done.leads_refused == 2


def test_missing_samples_and_rails_are_bridged_and_counted(preprocess_settings):
    flawed = recording()
    flawed.signal[0, 100:110] = np.nan
    flawed.signal[3, 2000] = -26.6
    flawed.signal[4, :] = np.nan
    counts, mask, done = preprocess.prepare(flawed, frozenset(), preprocess_settings())
    clean, _, _ = preprocess.prepare(recording(), frozenset(), preprocess_settings())
    assert done.samples_missing == 10
    assert done.saturated_samples == 21
    assert done.records_bridged == 1
    assert list(np.flatnonzero(~mask)) == [4]
    assert np.abs(counts[3] - clean[3]).max() < 100


def test_a_slow_recorder_gets_no_low_pass_and_is_counted(preprocess_settings):
    counts, _, done = preprocess.prepare(recording(fs_hz=100.0), frozenset(), preprocess_settings())
    assert done.records_narrower_band == 1
    assert counts.shape == (12, 2500)
    _, _, done = preprocess.prepare(recording(), frozenset(), preprocess_settings())
    assert done.records_narrower_band == 0


def test_the_store_has_the_leads_that_are_asked_for(preprocess_settings):
    chosen = preprocess_settings(leads=["II", "V2", "V5"])
    counts, mask, done = preprocess.prepare(recording(NINE_LEADS), frozenset(), chosen)
    assert list(mask) == [True, False, True]
    np.testing.assert_allclose(np.ptp(counts, axis=1) / 1000, [2, 0, 11], rtol=0.06)
    assert (done.leads_absent, done.leads_refused) == (1, 0)


@pytest.mark.parametrize(
    ("seconds", "cut", "padded"), [(10, 0, 0), (13, 1, 0), (7, 0, 1), (6.998, 0, 1)]
)
def test_one_length_keeps_the_middle_and_pads_both_sides(preprocess_settings, seconds, cut, padded):
    whole, _, _ = preprocess.prepare(
        recording(seconds=seconds), frozenset(), preprocess_settings(fs_hz=500)
    )
    chosen = preprocess_settings(fs_hz=500, length_s=10)
    counts, mask, done = preprocess.prepare(recording(seconds=seconds), frozenset(), chosen)
    assert counts.shape == (12, 5000)
    assert mask.all()
    assert (done.records_cut, done.records_padded) == (cut, padded)
    shared = min(5000, whole.shape[1])
    ours, theirs = (5000 - shared) // 2, (whole.shape[1] - shared) // 2
    inside = slice(ours, ours + shared)
    np.testing.assert_array_equal(counts[:, inside], whole[:, theirs : theirs + shared])
    assert not np.delete(counts, inside, axis=1).any()


def test_jobs_pair_records_with_their_refused_leads():
    records = pd.DataFrame({"record_id": ["b", "a"], "path": ["y", "x"]})
    quality = pd.DataFrame(
        {
            "record_id": ["a", "a", "b"],
            "lead": ["I", "II", "I"],
            "usable": [False, False, True],
        }
    )
    assert preprocess.jobs(records, quality) == [
        preprocess.Job("b", "y", frozenset()),
        preprocess.Job("a", "x", frozenset({"I", "II"})),
    ]


def test_the_store_holds_every_record_in_order_and_the_metrics_count_them(
    tmp_path, preprocess_settings
):
    def read(path: str) -> EcgRecord:
        return recording(seconds=float(path))

    chosen = preprocess_settings()
    jobs = [preprocess.Job(f"R{s}", str(s), frozenset()) for s in (10, 5, 20)]
    done = map(partial(preprocess.read_and_prepare, read=read, settings=chosen), jobs)
    metrics = preprocess.write(done, str(tmp_path / "signals"), chosen)
    signals = signal_store.open_store(tmp_path / "signals")
    assert signals.record_ids == ("R10", "R5", "R20")
    assert list(signals.n_samples) == [2500, 1250, 5000]
    assert signals.fs_hz == 250
    assert metrics["records"] == 3
    assert metrics["hours"] == pytest.approx(35 / 3600)
    assert metrics["records_resampled"] == 3


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"high_hz": 125}, "high_hz must lie below half of fs_hz (found 125 at 250)"),
        ({"fs_hz": 50}, "preprocess.fs_hz must be number ≥ 100, ≤ 1000 (found 50)"),
        ({"high_hz": "banana"}, "preprocess.high_hz must be number ≥ 15, ≤ 400 (found 'banana')"),
        ({"cutof_hz": 1}, "unknown key preprocess.cutof_hz"),
        ({"leads": ["II", "I"]}, "preprocess.leads must be some of I II III"),
        ({"leads": ["I", "I"]}, "preprocess.leads must be some of I II III"),
        ({"leads": ["V7", "V3R"]}, "preprocess.leads must be some of I II III"),
        ({"leads": ["I", "MLII"]}, "preprocess.leads must be some of I II III"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_line(preprocess_settings, changed, line):
    values = {**preprocess_settings().model_dump(), **changed}
    with pytest.raises(PedecgError) as fault:
        params.parse(values, "preprocess", preprocess.PreprocessSettings, "params.yaml")
    assert line in str(fault.value)


@pytest.mark.real
def test_real_children_keep_their_r_peaks(shared_data, preprocess_settings):
    """No record loses more than 8% of a lead's size to the filters (saturated records aside)."""
    for header in sorted(shared_data.glob("zzu_sample/Child_ecg/*/*/*.hea")):
        raw = wfdb.rdrecord(str(header.with_suffix("")))
        leads = tuple(str(canonical_lead(name)) for name in raw.sig_name)
        record = EcgRecord(raw.p_signal.T.astype(np.float32), raw.fs, leads)
        counts, mask, done = preprocess.prepare(record, frozenset(), preprocess_settings())
        assert mask.all()
        assert (done.saturated_samples > 0) == (np.abs(record.signal).max() > 15)
        if np.abs(record.signal).max() < 8:
            seconds = counts[:, : counts.shape[1] // 250 * 250].reshape(12, -1, 250)
            before = record.signal[:, : seconds.shape[1] * 500].reshape(12, -1, 500)
            kept = np.median(np.ptp(seconds, axis=2) / 1000 / np.ptp(before, axis=2), axis=1)
            assert (kept > 0.92).all(), f"{header.stem}: {kept}"
            assert (kept < 1.05).all(), f"{header.stem}: {kept}"
