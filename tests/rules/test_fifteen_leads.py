"""V3R, V4R and V7 have heights of their own, and change nothing of the twelve leads."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pedecg import cli
from pedecg.cohorts import recordings
from pedecg.core import params, tables
from pedecg.core.records import LEADS
from pedecg.models import features
from pedecg.plots import ecg_paper
from pedecg.predict import measured_recording
from pedecg.rules import measure, norms, rule_features
from pedecg.signals import clipping
from pedecg.simulation import zzu_cohort
from pedecg.simulation.hospital_settings import SimulationSettings

FURTHER = ("V3R", "V4R", "V7")
FIFTEEN = (*LEADS, *FURTHER)


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    """A simulated child's ECG of 15 leads, as a WFDB file."""
    from pathlib import Path

    file = Path(__file__).parents[2] / "params.yaml"
    loaded = params.load("simulate", SimulationSettings, file)
    settings = loaded.model_copy(
        update={"patients": 2, "further_leads": list(FURTHER), "nine_lead_odds": 0.0,
                "mode_length_fraction": 0.0, "repeat_fraction": 0.0, "saturated_fraction": 0.0}
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("fifteen")
    zzu_cohort.write(settings, folder / "raw", folder / "apart")
    return sorted(folder.rglob("*.hea"))[0]


@pytest.fixture(scope="module")
def recording(child):
    return recordings.read(recordings.find([child])[0][0])


@pytest.fixture(scope="module")
def limits():
    return norms.load(norms.LIMITS)


def without_further(recording):
    from dataclasses import replace

    return replace(recording, leads=LEADS, signal_mv=recording.signal_mv[:12])


@pytest.mark.parametrize("method", ["learned", "slopes"])
def test_further_leads_change_no_measure_of_the_twelve_and_no_criterion(recording, limits, method):
    assert recording.leads == FIFTEEN
    with_them = measured_recording.examine(recording, limits, method)
    alone = measured_recording.examine(without_further(recording), limits, method)
    for name, value in alone.measures.items():
        np.testing.assert_equal(with_them.measures[name], value, err_msg=name)
    assert with_them.verdicts == alone.verdicts
    assert with_them.notes == alone.notes
    more = with_them.measures.keys() - alone.measures.keys()
    assert {"r_v4r_mv", "s_v3r_mv", "t_v7_mv", "valid_q_v7_ms"} <= more


def test_a_further_lead_is_measured_as_one_of_the_twelve_is(record):
    waves, signal = record()
    copied = np.vstack([signal, signal[LEADS.index("V1")], signal[LEADS.index("V6")]])
    found = measure.measure(waves, copied, 500.0, (*LEADS, "V4R", "V7"))
    assert found["r_v4r_mv"] == pytest.approx(1.2, abs=0.02)
    for twin, lead in (("v4r", "v1"), ("v7", "v6")):
        for name in ("r_{}_mv", "s_{}_mv", "q_{}_mv", "t_{}_mv", "st_{}_mv", "rs_ratio_{}"):
            assert found[name.format(twin)] == pytest.approx(found[name.format(lead)], abs=0.01)
            assert found[f"valid_{name.format(twin)}"] == found[f"valid_{name.format(lead)}"]


def test_a_further_lead_that_is_masked_or_absent_has_no_heights(record):
    waves, signal = record()
    fifteen = np.vstack([signal, signal[6:9]])
    mask = np.array([True] * 12 + [True, False, True])
    found = measure.measure(waves, fifteen, 500.0, FIFTEEN, mask)
    assert np.isnan(found["r_v4r_mv"])
    assert not found["valid_r_v4r_mv"]
    assert np.isfinite(found["r_v3r_mv"])
    assert set(measure.measure(waves, signal, 500.0, LEADS)) == {
        prefix + name for name in measure.COLUMNS for prefix in ("", "spread_", "valid_")
    }


def test_a_clipped_further_lead_is_not_valid(record):
    waves, signal = record()
    cut = clipping.Clipped({"V4R": 1.0}, {})
    fifteen = np.vstack([signal, signal[6:9]])
    found = measure.measure(waves, fifteen, 500.0, FIFTEEN, clipped=cut)
    assert not found["valid_r_v4r_mv"]
    assert found["valid_r_v3r_mv"]
    assert found["valid_r_v1_mv"]


def test_without_limits_by_age_they_have_no_z_score_and_are_no_features_of_a_model(
    recording, limits
):
    found = measured_recording.examine(recording, limits)
    row = {"record_id": "a", **found.measures}
    row |= rule_features.adjusted(found.measures, recording.age_days, recording.sex, limits)
    table = tables.check(rule_features.table([row]), tables.RULES, "rules")
    assert not [column for column in table if column.startswith("z_") and "v4r" in column]
    assert "r_v4r_mv" in table
    features_of_15 = features.of_rules(table, ["a"])
    more = set(measure.FURTHER_COLUMNS) & set(table.columns)
    columns = {prefix + name for name in more for prefix in ("", "spread_", "valid_")}
    features_of_12 = features.of_rules(table.drop(columns=list(columns)), ["a"])
    assert list(features_of_15) == list(features_of_12)


def test_the_command_shows_all_fifteen(child, tmp_path):
    plots = ["--plot", str(tmp_path / "plots")]
    done = CliRunner().invoke(cli.app, ["measure", str(child), "--json", *plots])
    assert done.exit_code == 0, done.output
    answer = json.loads(next(one for one in done.stdout.splitlines() if one.startswith("{")))
    assert answer["leads"] == list(FIFTEEN)
    assert answer["measurements"]["r_v4r_mv"]["value"] > 0
    assert "z" not in answer["measurements"]["r_v4r_mv"]
    assert list((tmp_path / "plots").glob("*.png"))
    shown = CliRunner().invoke(cli.app, ["measure", str(child)]).stdout
    for lead in FIFTEEN:
        assert f"│ {lead} " in shown, lead


def test_the_paper_has_them_in_a_row_of_their_own_above_the_rhythm_strip(recording):
    figure = ecg_paper.draw(recording.signal_mv, recording.fs_hz, recording.leads, "title")
    texts = [t for t in figure.axes[0].texts if t.get_text() in FIFTEEN]
    assert sorted(t.get_text() for t in texts) == sorted([*FIFTEEN, "II"])
    height = {t.get_text(): t.get_position()[1] for t in texts[:-1]}
    assert len({height[lead] for lead in FURTHER}) == 1
    assert texts[-1].get_text() == "II"
    assert texts[-1].get_position()[1] < height["V4R"] < height["V3"]
