"""Delineators compared: scores, intervals and records, beside the neutral scorer."""

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest

from pedecg.benchmarks import delineation_records, delineation_scores, delineators
from pedecg.benchmarks.benchmark_settings import (
    DelineationSettings,
    HeartRateSettings,
    ResamplingSettings,
)
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.delineator import simulated_records
from pedecg.waves import annotations, shipped_delineator

RATES = HeartRateSettings(seed=977, records=1, rates_bpm=[80.0, 150.0], detected_f1=0.9)
RESAMPLING = ResamplingSettings(resamples=1000, seed=0)
CHILD = {
    "seed": 1, "records": 1, "length_s": 6, "slowest_bpm": 60, "fastest_bpm": 90, "findings": 0,
    "rhythms": 0, "pop_fraction": 0,
    "recorder": {
        "low_cut_hz": 0.3, "high_cut_hz": 120, "step_uv": 0.5, "saturation_mv": 26.6,
        "mains_hz": 50,
        "mains_uv": 2, "wander_uv": 60, "muscle_uv": 5,
    },
}  # fmt: skip


class Reader:
    """A delineator that returns the labels of the records, moved by a normal error."""

    name = "reader"

    def __init__(self, records, sd_s):
        rng = np.random.default_rng(0)
        self.tables = {}
        for record in records:
            for lead, marks in zip(record.leads, record.marks, strict=True):
                wave = [tables.WAVES_IN_ORDER[int(kind)] for kind in marks.waves[:, 0]]
                times = marks.waves[:, 1:] + rng.normal(0, sd_s, (len(wave), 1))
                table = pd.DataFrame(times, columns=["onset_s", "peak_s", "offset_s"])
                self.tables[record.record_id, lead] = table.assign(wave=wave, lead=lead)
        self.order = iter([record.record_id for record in records])

    def __call__(self, signal_mv, fs_hz, leads):
        record_id = next(self.order)
        return pd.concat([self.tables[record_id, lead] for lead in leads])


@pytest.fixture
def children():
    child = params.parse(CHILD, "simulate", simulated_records.Settings, "test")
    return {rate: delineation_records.simulated(rate, RATES, child) for rate in RATES.rates_bpm}


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setattr(
        delineation_scores.parallel, "records", lambda function, items, _: map(function, items)
    )


def test_the_labels_themselves_are_detected_at_every_rate(children):
    records = [record for at_rate in children.values() for record in at_rate]
    detected = delineation_scores.detection([Reader(records, 0.0)], children)
    assert set(detected["f1"]) == {1.0}
    highest = delineation_scores.highest_rates(detected, RATES)
    assert highest == {"reader": {"P": 150.0, "QRS": 150.0, "T": 150.0}}


def test_a_wave_counts_up_to_the_first_rate_at_which_it_is_missed():
    rows = [("a", rate, "P", f1) for rate, f1 in [(60, 1.0), (80, 0.5), (100, 1.0)]]
    rows += [("a", rate, "T", 0.1) for rate in (60, 80, 100)]
    detected = pd.DataFrame(rows, columns=["source", "heart_rate_bpm", "boundary", "f1"])
    assert delineation_scores.highest_rates(detected, RATES) == {"a": {"P": 60.0, "T": None}}


def test_waves_that_are_not_there_are_not_detected(children):
    records = children[80.0]
    nothing = pd.DataFrame(columns=["record_id", "wave", "onset_s", "peak_s", "offset_s"])
    assert delineation_scores.detection_f1(nothing, records) == {"P": 0.0, "QRS": 0.0, "T": 0.0}


def test_every_method_delineates_a_simulated_child(children):
    settings = DelineationSettings(
        weights=str(shipped_delineator.WEIGHTS),
        records="all", neurokit2_methods=["prominence", "dwt"], openecg_python=None,
    )  # fmt: skip
    compared = delineation_scores.delineators(settings)
    assert [one.name for one in compared] == ["pedecg", "neurokit2_prominence", "neurokit2_dwt"]
    detected = delineation_scores.detection(compared, {80.0: children[80.0]})
    assert (detected.loc[detected["boundary"] == "QRS", "f1"] > 0.9).all()


def test_an_environment_without_openecg_is_named():
    with pytest.raises(PedecgError, match=r"openecg_python: /no/python: No such file"):
        delineators.OpenEcg("/no/python")


def test_weights_that_do_not_say_what_they_learnt_from_are_refused(tmp_path):
    with pytest.raises(PedecgError, match=r"held_out\.json: not found"):
        delineation_records.held_out(tmp_path)
    (tmp_path / "held_out.json").write_text(json.dumps({"ludb": ["1"]}))
    assert delineation_records.held_out(tmp_path) == {"ludb": ["1"]}


@pytest.mark.real
def test_records_that_are_not_there_are_refused(shared_data):
    with pytest.raises(PedecgError, match=r"data\.delineation\.ludb: no record to score"):
        delineation_records.read("ludb", shared_data / "ludb", ["none"])


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("source", ["ludb", "qtdb"])
def test_macro_f1_and_its_interval_are_those_of_the_neutral_scorer(source, shared_data):
    tool = shared_data.parent / "tools" / "score_delineation.py"
    spec = importlib.util.spec_from_file_location("score_delineation", tool)
    neutral = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(neutral)
    names = {"ludb": ["1", "7", "13", "29", "104"], "qtdb": ["sel102", "sel301", "sel38"]}[source]
    read = {"ludb": annotations.read_ludb, "qtdb": annotations.read_qtdb}[source]
    records = [one for one in read(shared_data / source) if one.record_id in names]
    reader = Reader(records, 0.03)
    group, lead = next(iter(delineation_scores.LEAD_GROUPS[source].items()))
    scored = delineation_scores.boundaries(source, [reader], records, RESAMPLING)["reader"][group]

    predicted = pd.concat(
        table.assign(record=record_id) for (record_id, _), table in reader.tables.items()
    )
    predicted = predicted.rename(columns={"onset_s": "onset", "offset_s": "offset"})
    references = neutral.load_references(
        shared_data / source, [lead.lower()], {record.record_id for record in records}
    )
    wanted = neutral.score(predicted, references, neutral.TOLERANCES["strict"])
    assert scored["macro_f1"]["value"] == pytest.approx(wanted["macro_f1"])
    interval = [scored["macro_f1"]["low"], scored["macro_f1"]["high"]]
    assert interval == pytest.approx(wanted["macro_f1_ci95"])
