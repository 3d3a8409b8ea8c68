"""The delineator as it is shipped: what it finds in simulated children, and how it behaves."""

import numpy as np
import pandas as pd
import pytest

from pedecg.delineator import boundary_scores, simulated_records
from pedecg.simulation.hospital_settings import Recorder
from pedecg.waves import delineate, delineator_inference, shipped_delineator
from pedecg.waves.annotations import QRS, Labelled

RECORDER = Recorder(
    low_cut_hz=0.3, high_cut_hz=120, step_uv=0.5, saturation_mv=26.6,
    mains_hz=50, mains_uv=2, wander_uv=60, muscle_uv=5,
)  # fmt: skip


def simulated(rate_bpm: float, records: int = 2, findings: float = 0.0) -> list[Labelled]:
    settings = simulated_records.Settings(
        seed=99, records=records, length_s=10, slowest_bpm=rate_bpm, fastest_bpm=rate_bpm,
        findings=findings, rhythms=0.0, pop_fraction=0.0, recorder=RECORDER,
    )  # fmt: skip
    return list(simulated_records.labelled(settings))


def found(record: Labelled, **changes: object) -> pd.DataFrame:
    signal = changes.get("signal", record.signal_mv)
    waves = shipped_delineator.delineate(signal, record.fs_hz, record.leads)
    return waves.assign(record_id=record.record_id)


@pytest.mark.parametrize("rate_bpm", [60, 100, 140, 180, 210, 240])
def test_every_boundary_of_simulated_children_is_found_at_any_rate(rate_bpm):
    records = simulated(rate_bpm)
    counts = boundary_scores.count(pd.concat([found(record) for record in records]), records)
    assert boundary_scores.macro_f1(counts) >= 0.97


def test_global_beats_have_the_rate_of_the_heart():
    (record,) = simulated(200, records=1)
    waves = found(record)
    beats = waves[(waves["lead"] == "global") & (waves["wave"] == "QRS")]
    assert 60 / np.median(np.diff(beats["peak_s"])) == pytest.approx(200, rel=0.02)
    assert beats["confidence"].between(0.5, 1.0).all()


@pytest.mark.parametrize("leads", [[1], [0, 1], [0, 1, 2, 3, 4, 5, 6, 8, 10]])
def test_fewer_leads_are_enough(leads):
    (record,) = simulated(120, records=1)
    waves = shipped_delineator.delineate(
        record.signal_mv[leads], 500, [record.leads[i] for i in leads]
    )
    qrs = waves[(waves["lead"] == "global") & (waves["wave"] == "QRS")]
    labelled = record.marks[0].of(QRS)[:, 0]
    pairs = boundary_scores.match(labelled, qrs["onset_s"].dropna().to_numpy(float), 0.04)
    assert len(pairs[0]) == len(labelled)


def test_wild_movement_for_a_quarter_of_the_record_leaves_the_rest_readable():
    (record,) = simulated(120, records=1)
    signal = record.signal_mv.copy()
    signal[:, :1250] += np.random.default_rng(0).uniform(-25, 25, (12, 1250))
    waves = found(record, signal=signal)
    qrs = waves[(waves["lead"] == "global") & (waves["wave"] == "QRS") & (waves["onset_s"] > 3)]
    labelled = record.marks[0].of(QRS)[:, 0]
    assert len(qrs) == pytest.approx((labelled > 3).sum(), abs=1)


def test_flat_leads_and_short_records_have_no_waves():
    (record,) = simulated(120, records=1)
    signal = record.signal_mv.copy()
    signal[3] = 0.0
    signal[4] = np.nan
    assert not found(record, signal=signal)["lead"].isin(["aVR", "aVL"]).any()
    assert shipped_delineator.delineate(np.zeros((12, 5000)), 500, record.leads).empty
    assert shipped_delineator.delineate(record.signal_mv[:, :100], 500, record.leads).empty


def test_the_scale_of_the_signal_does_not_matter():
    (record,) = simulated(120, records=1)
    usual, large = (found(record, signal=gain * record.signal_mv) for gain in (1.0, 50.0))
    pd.testing.assert_frame_equal(usual, large, atol=0.002)


def test_the_shipped_weights_are_small():
    network = delineator_inference.load(shipped_delineator.WEIGHTS)
    assert sum(values.numel() for values in network.buffers()) <= 1_000_000
    assert (shipped_delineator.WEIGHTS / "weights.safetensors").stat().st_size <= 4_000_000


def test_it_is_a_method_like_the_others():
    (record,) = simulated(120, records=1)
    settings = delineate.DelineateSettings(method="learned", leads=["II", "V1"])
    waves = delineate.delineate(record.signal_mv, 500, record.leads, settings)
    assert waves["lead"].unique().tolist() == ["global", "any_lead", "II", "V1"]
    assert waves.columns.tolist() == list(delineator_inference.COLUMNS)
