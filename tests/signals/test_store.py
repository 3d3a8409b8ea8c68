"""The signal store gives back what was put in, and reads only what is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.signals import signal_store


@given(lengths=st.lists(st.integers(1, 400), max_size=8), n_leads=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_records_of_any_length_come_back_as_they_were(tmp_path_factory, lengths, n_leads):
    rng = np.random.default_rng(0)
    leads = tuple(f"L{i}" for i in range(n_leads))
    records = [
        (f"R{i}", rng.integers(-32768, 32768, (n_leads, n), np.int16), rng.random(n_leads) < 0.5)
        for i, n in enumerate(lengths)
    ]
    folder = tmp_path_factory.mktemp("store") / "signals"
    signal_store.write_store(folder, 250, leads, iter(records))
    signals = signal_store.open_store(folder)
    assert len(signals) == len(lengths)
    assert (signals.fs_hz, signals.leads) == (250.0, leads)
    for position, (record_id, counts, mask) in enumerate(records):
        assert signals.record_ids[position] == record_id
        np.testing.assert_array_equal(signals.counts(position), counts)
        np.testing.assert_array_equal(signals.lead_mask[position], mask)
        np.testing.assert_allclose(signals.millivolts(position), counts / 1000, atol=1e-5)
    assert list(signals.positions([r[0] for r in records[::-1]])) == list(range(len(lengths)))[::-1]


def test_samples_stay_on_disk_until_they_are_read(tmp_path):
    signal_store.write_store(
        tmp_path / "s", 250, ("I",), [("R", np.ones((1, 9), np.int16), [True])]
    )
    assert isinstance(signal_store.open_store(tmp_path / "s").samples.base, np.memmap)


def test_the_same_records_give_the_same_bytes(tmp_path):
    for name in "ab":
        record = ("R", np.arange(8, dtype=np.int16).reshape(2, 4), np.array([True, False]))
        signal_store.write_store(tmp_path / name, 250, ("I", "II"), [record])
    for file in ("samples.i16", "index.parquet", "store.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_run_that_dies_leaves_the_old_store(tmp_path):
    whole = ("R", np.ones((1, 5), np.int16), np.array([True]))

    def dies():
        yield whole
        raise OSError("no space left on device")

    signal_store.write_store(tmp_path / "s", 250, ("I",), [whole])
    with pytest.raises(OSError, match="no space"):
        signal_store.write_store(tmp_path / "s", 250, ("I",), dies())
    assert signal_store.open_store(tmp_path / "s").record_ids == ("R",)


def test_a_microvolt_is_kept_and_beyond_the_range_clips():
    counts = signal_store.to_counts(np.array([0.001, -0.0014, 1.2345, 40.0, -40.0]))
    assert list(counts) == [1, -1, 1234, 32767, -32768]
