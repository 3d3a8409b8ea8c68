"""On real children and adults: measures and criteria agree with the readers, but for the named."""

from pathlib import Path

import pandas as pd
import pytest
import wfdb
from scipy.signal import butter, resample_poly, sosfiltfilt

from pedecg.core.records import canonical_lead
from pedecg.rules import measure, norms, rule_features
from pedecg.waves import delineate

pytestmark = pytest.mark.real

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))
SETTINGS = delineate.DelineateSettings(method="learned", leads=["II"])

# Where criterion and reader differ, one by one, with what was measured.
TACHYCARDIA_ONLY_FOR_THE_READER = {"P01493_E01", "P02189_E01"}  # 180 and 132 bpm at 7 months
BRADYCARDIA_ONLY_FOR_THE_READER = {"P02851_E01", "P03611_E01", "P09380_E01"}  # 58-59, 8 to 13 y
BRADYCARDIA_ONLY_FOR_THE_RULE = {"P00277_E01"}  # 95 bpm at 29 months, 2nd percentile 97
SINUS_ARRHYTHMIA_ONLY_FOR_THE_READER = {"P02851_E01"}  # RR spread by 9.9%, limit 10%
RSR_ONLY_FOR_THE_RULE = {"P00277_E01", "P03611_E01"}  # r' of 1.3 and 0.7 mV in V1
WIDE_LABELS = "block|preexcitation"


@pytest.fixture(scope="module")
def children(shared_data):
    rows = {}
    for path in sorted((shared_data / "zzu_sample" / "Child_ecg").rglob("*.hea")):
        record = wfdb.rdrecord(str(path.with_suffix("")))
        band = butter(2, (0.5, 100), "bandpass", fs=500, output="sos")
        signal = resample_poly(sosfiltfilt(band, record.p_signal.T), 1, 2, axis=1)
        leads = tuple(canonical_lead(name) for name in record.sig_name)
        waves = delineate.delineate(signal, 250, leads, SETTINGS)
        sex, age = record.comments[0].split()
        measures = rule_features.possible(measure.measure(waves, signal, 250, leads))
        judged = rule_features.adjusted(measures, float(age), sex.lower(), LIMITS)
        rows[path.stem] = measures | judged | {"read": record.comments[2]}
    return pd.DataFrame(rows).T


def differences(children, rule, finding):
    """Return whom only the reader, and whom only the rule, calls so."""
    read = set(children.index[children["read"].str.contains(finding, regex=True)])
    ruled = set(children.index[children[f"rule_{rule}"].eq(True)])
    return read - ruled, ruled - read


def test_tachycardia_agrees_with_the_readers_but_for_the_named(children):
    found = differences(children, "tachycardia", "Sinus tachycardia")
    assert found == (TACHYCARDIA_ONLY_FOR_THE_READER, set())


def test_bradycardia_agrees_with_the_readers_but_for_the_named(children):
    found = differences(children, "bradycardia", "Sinus bradycardia")
    assert found == (BRADYCARDIA_ONLY_FOR_THE_READER, BRADYCARDIA_ONLY_FOR_THE_RULE)


def test_sinus_arrhythmia_agrees_with_the_readers_but_for_the_named(children):
    found = differences(children, "sinus_arrhythmia", "Sinus arrhythmia")
    assert found == (SINUS_ARRHYTHMIA_ONLY_FOR_THE_READER, set())


def test_right_bundle_branch_block_agrees_with_the_readers_but_for_the_named(children):
    found = differences(children, "incomplete_rbbb", "Incomplete right bundle")
    assert found == (set(), RSR_ONLY_FOR_THE_RULE)
    assert not children["rule_rbbb"].eq(True).any()


def test_qrs_lasts_50_to_120_ms_where_the_reader_saw_no_block(children):
    narrow = children[~children["read"].str.contains(WIDE_LABELS)]
    assert narrow["qrs_ms"].between(50, 120).all()
    assert not children["rule_wide_qrs"].eq(True).any()


def test_healthy_hearts_meet_no_criterion_but_those_named(children):
    normal = children[children["read"].isin(["Normal ECG"])]
    met = {name: why for name, why in normal["why"].items() if why}
    assert set(met) == {"P01062_E01"}
    assert met["P01062_E01"].startswith("ST elevation: ST 0.12 mV in I")


def test_all_main_measures_are_valid_and_steady(children):
    for name in ("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qrs_axis_deg", "t_axis_deg"):
        assert children[f"valid_{name}"].all(), name
    assert children["spread_qrs_ms"].astype(float).max() < 8


def test_a_record_that_swings_between_the_rails_is_measured_from_its_clean_beats(children):
    """P09066_E01 opens with 2.5 s at 25 mV."""
    bad = children.loc["P09066_E01"]
    assert bad["heart_rate_bpm"] == pytest.approx(136, abs=3)
    assert bad["spread_r_v5_mv"] < 0.5
