"""Crops are what the store holds, windows cover a record, and what is absent is zero."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_hospital import NORMALISATION

from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.learning import batches
from pedecg.learning.batches import Normalisation, Signals, Subjects
from pedecg.learning.trained_network import mean_logits
from pedecg.models.network_base import Batch
from pedecg.signals.signal_store import open_store

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def signals(data) -> Signals:
    return Signals(data.store, NORMALISATION, CPU)


def test_a_crop_holds_the_record_s_own_samples(data, signals):
    positions, starts = np.array([5, 0, 5]), np.array([70, 0, 30])
    crop, mask, length = signals.crop(positions, starts, 200)
    for row, (position, start) in enumerate(zip(positions, starts, strict=True)):
        expected = data.store.millivolts(position)[:, start : start + 200]
        np.testing.assert_allclose(crop[row], expected, atol=1e-6)
        np.testing.assert_array_equal(mask[row], data.store.lead_mask[position])
    assert length.tolist() == [200, 200, 200]


def test_a_short_record_is_padded_at_its_end_and_never_stretched(data, signals):
    shortest = int(data.store.n_samples.argmin())
    n = int(data.store.n_samples[shortest])
    crop, _, length = signals.crop(np.array([shortest]), np.array([0]), n + 300)
    np.testing.assert_allclose(crop[0, :, :n], data.store.millivolts(shortest), atol=1e-6)
    assert not crop[0, :, n:].any()
    assert length.tolist() == [n]


def test_normalised_padding_and_absent_leads_are_zero(data, signals):
    nine_leads = np.array([0])  # every third record of the small hospital
    n = int(data.store.n_samples[0])
    crop, mask, length = signals.crop(nine_leads, np.array([0]), n + 100)
    normal = signals.normalise(crop, mask, length)
    assert not normal[0, mask[0] == 0].any()
    assert not normal[0, :, n:].any()
    np.testing.assert_allclose(normal[0, 0, :n], (crop[0, 0, :n] - 0.05) / 0.25, atol=1e-5)


def test_a_lead_without_statistics_does_no_harm(data):
    holes = Normalisation(LEADS, (float("nan"),) * 12, (0.0,) * 12)
    signals = Signals(data.store, holes, CPU)
    assert torch.isfinite(signals.normalise(*signals.crop(np.array([1]), np.array([0]), 250))).all()


def test_statistics_of_other_leads_are_refused(data):
    with pytest.raises(PedecgError, match="lead statistics: leads I II"):
        Signals(data.store, Normalisation(("I", "II"), (0.0, 0.0), (1.0, 1.0)), CPU)


@given(n=st.integers(1, 8000), crop=st.integers(10, 2500), overlap=st.floats(0, 0.9))
@settings(deadline=None)
def test_windows_cover_every_sample_and_share_what_was_asked(n, crop, overlap):
    starts = batches.windows(n, crop, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(n - crop, 0)
    hops = np.diff(starts)
    assert (hops > 0).all()
    assert (hops <= max(1, round(crop * (1 - overlap)))).all()


@given(n=st.integers(1, 8000), crop=st.integers(10, 2500), seed=st.integers(0, 99))
@settings(deadline=None)
def test_random_crops_lie_within_the_record(n, crop, seed):
    starts = batches.random_starts(np.full(20, n), crop, np.random.default_rng(seed))
    assert (starts >= 0).all()
    assert (starts <= max(n - crop, 0)).all()


def test_a_record_s_logit_is_the_mean_over_its_windows(data, signals):
    class FirstSample(torch.nn.Module):
        def forward(self, batch: Batch) -> torch.Tensor:
            return batch.signal[:, 1, :1]

    positions = np.array([1, 4, 2])
    lengths = data.store.n_samples[positions]
    subjects = Subjects(
        positions, np.zeros(3, np.float32), np.zeros(3, np.int64), np.empty((3, 0), np.float32)
    )
    logits = mean_logits(FirstSample(), signals, subjects, crop=200, overlap=0.5)
    for row, position in enumerate(positions):
        starts = batches.windows(int(lengths[row]), 200, 0.5)
        first = data.store.millivolts(position)[1, starts]
        assert logits[row, 0] == pytest.approx(((first - 0.05) / 0.25).mean(), abs=1e-4)


@pytest.fixture
def tables_of_two() -> tuple[pd.DataFrame, pd.DataFrame]:
    ids = ["R002", "R001"]
    records = pd.DataFrame(
        {
            "record_id": ids,
            "age_days": pd.array([100, None], "Int64"),
            "sex": pd.array([None, "male"], "string"),
        }
    )
    labels = pd.DataFrame(
        {"record_id": ids[::-1], "a": pd.array([1, None], "Int8"), "b": pd.array([0, 1], "Int8")}
    )
    return records, labels


def test_a_dataset_joins_by_record_id(hospital, tables_of_two):
    joined = batches.dataset(open_store(hospital / "signals"), *tables_of_two)
    assert joined.record_ids == ("R001", "R002")
    assert joined.positions.tolist() == [1, 2]
    assert joined.targets == ("a", "b")
    np.testing.assert_array_equal(joined.age_days, [np.nan, 100])
    assert joined.sex.tolist() == [1, -1]
    np.testing.assert_array_equal(joined.labels, [[1, 0], [np.nan, 1]])
    assert joined.patients is None
    records, labels = tables_of_two
    patients = records.assign(patient_id=["P2", "P1"], split_group=["P1", None])
    again = batches.dataset(open_store(hospital / "signals"), patients, labels)
    assert again.patients == ("P1", "P1")  # P2 may be the same patient
    assert again.take(np.array([1])).patients == ("P1",)


@pytest.mark.parametrize("where", ["records", "signal store"])
def test_a_labelled_record_that_is_nowhere_is_reported(hospital, tables_of_two, where):
    records, labels = tables_of_two
    if where == "signal store":
        labels = labels.replace("R001", "X9")
        records = records.replace("R001", "X9")
    else:
        records = records.iloc[:1]
    with pytest.raises(PedecgError, match=f"{where}: 1 labelled records are not there"):
        batches.dataset(open_store(hospital / "signals"), records, labels)


def test_broken_lead_statistics_are_reported(tmp_path):
    with pytest.raises(PedecgError, match="not found"):
        batches.read_normalisation(tmp_path / "lead_statistics.json")
    (tmp_path / "broken.json").write_text('{"leads": []}')
    with pytest.raises(PedecgError, match="not lead statistics"):
        batches.read_normalisation(tmp_path / "broken.json")
