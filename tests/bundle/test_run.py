"""A bundle answers without pedecg as the pipeline does, and says what it was not made for."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import small_project
import wfdb
from alone import HIDDEN, alone
from hypothesis import given, settings
from hypothesis import strategies as st
from small_project import MODEL, TARGETS, Ecg, own_answer

from pedecg.bundle import assemble, inference_steps, provenance, run
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core.records import LEADS, NINE_LEADS, EcgRecord
from pedecg.predict.loaded_model import BUNDLE_CODE
from pedecg.signals import filters, preprocess, quality


@pytest.fixture(scope="module")
def loaded(bundle) -> run.Bundle:
    return run.Bundle(bundle, code=BUNDLE_CODE)


def ask(loaded, ecg: Ecg, **changes):
    return loaded.predict(*(changes.get(key, value) for key, value in vars(ecg).items()))


def probabilities(answer) -> np.ndarray:
    return np.array([answer["probabilities"][target] for target in TARGETS])


def test_a_process_without_pedecg_gives_the_pipelines_probabilities(
    bundle, project, ecgs, tmp_path
):
    for name, ecg in ecgs.items():
        wfdb.wrsamp(
            name, ecg.fs_hz, ["mV"] * len(ecg.leads), list(ecg.leads),
            p_signal=ecg.signal_mv.T.astype(float), fmt=["32"] * len(ecg.leads),
            write_dir=str(tmp_path),
        )  # fmt: skip
        table = tmp_path / f"{name}.csv"
        np.savetxt(table, ecg.signal_mv.T, "%.9g", ",", header=",".join(ecg.leads), comments="")
        np.save(tmp_path / f"{name}.npy", ecg.signal_mv)
        about = ("--age-days", ecg.age_days, "--sex", ecg.sex[0].upper(), "--fs-hz", ecg.fs_hz)
        plain = (*about, "--leads", ",".join(ecg.leads))
        files = [tmp_path / f"{name}{suffix}" for suffix in (".hea", ".csv", ".npy")]
        found = [alone(bundle, *files[1:], *plain), alone(bundle, files[0], *about, hidden=HIDDEN)]
        assert [one.returncode for one in found] == [0, 0], found
        expected = own_answer(ecg, project, project / "models" / MODEL, tmp_path)
        answers = [json.loads(line) for one in found for line in one.stdout.splitlines()]
        assert {answer["ecg"] for answer in answers} == set(map(str, files))
        for answer in answers:
            np.testing.assert_allclose(probabilities(answer), expected, atol=1e-4)


def test_wfdb_is_asked_for_where_it_is_not_there(bundle, tmp_path):
    found = alone(bundle, tmp_path / "record")
    assert found.stderr.endswith("record: WFDB records need the package wfdb\n")


@pytest.mark.parametrize(
    ("find", "put", "reported"),
    [
        (" 500 5000", "", "states no sampling rate"),
        ("1000(0)/mV", "0(0)/mV", "I: no gain above 0"),
        ("1000(0)/mV", "1_000(0)/mV", "I: no gain above 0"),
        (None, None, "I: the samples do not fit the checksum"),
    ],
    ids=["no rate", "gain 0", "a gain that is no number", "a flipped byte"],
)
def test_what_wfdb_would_assume_is_refused(bundle, ecgs, tmp_path, find, put, reported):
    ecg = ecgs["P0"]
    wfdb.wrsamp(
        "record", 500, ["mV"] * len(ecg.leads), list(ecg.leads), fmt=["16"] * len(ecg.leads),
        p_signal=ecg.signal_mv.T.astype(float), adc_gain=[1000.0] * len(ecg.leads),
        baseline=[0] * len(ecg.leads), write_dir=str(tmp_path),
    )  # fmt: skip
    header, data = tmp_path / "record.hea", tmp_path / "record.dat"
    about = ("--age-days", ecg.age_days, "--sex", ecg.sex[0].upper())
    whole = alone(bundle, tmp_path / "record", *about, hidden=HIDDEN)
    assert whole.returncode == 0, whole.stderr
    if find is None:
        content = bytearray(data.read_bytes())
        content[0] ^= 0x40
        data.write_bytes(content)
    else:
        text = header.read_text()
        changed = text.replace("1000.0(0)/mV", "1000(0)/mV").replace(find, put, 1)
        assert changed != text
        header.write_text(changed)
    found = alone(bundle, header, *about, hidden=HIDDEN)
    assert found.returncode == 1
    assert found.stdout == ""
    assert reported in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_unit_that_is_wrong_by_a_factor_is_flagged(loaded, project, ecgs, tmp_path):
    ecg = ecgs["P0"]
    assert not [flag for flag in ask(loaded, ecg)["flags"] if flag.startswith("amplitude")]
    loud = ask(loaded, ecg, signal_mv=5 * ecg.signal_mv)["flags"]
    (flag,) = [flag for flag in loud if flag.startswith("amplitude")]
    assert "is the unit right?" in flag


def test_an_unknown_age_and_sex_are_asked_as_unknown_and_flagged(loaded, project, ecgs, tmp_path):
    unknown = Ecg(ecgs["P0"].signal_mv, 500.0, LEADS, None, None)
    answer = ask(loaded, unknown)
    expected = own_answer(unknown, project, project / "models" / MODEL, tmp_path)
    np.testing.assert_allclose(probabilities(answer), expected, atol=1e-4)
    assert answer["flags"] == ["age unknown", "sex unknown"]


@given(
    seed=st.integers(0, 10_000),
    fs_hz=st.sampled_from([100.0, 250.0, 360.0, 500.0, 1000.0]),
    leads=st.lists(st.sampled_from(LEADS), min_size=9, max_size=12, unique=True),
)
@settings(max_examples=15, deadline=None)
def test_any_noise_is_prepared_and_answered_as_by_the_pipeline(
    loaded, project, tmp_path_factory, seed, fs_hz, leads
):
    rng = np.random.default_rng(seed)
    n = round(fs_hz * rng.uniform(8, 15))
    signal = rng.normal(0, 1, (len(leads), n)).cumsum(axis=1).astype(np.float32) / 50
    signal[0, 50:52] += 40
    signal[1, 5:7] = np.nan
    in_order = [leads.index(lead) for lead in LEADS if lead in leads]
    ecg = Ecg(
        signal[in_order],
        fs_hz,
        tuple(leads[row] for row in in_order),
        rng.uniform(300, 2000),
        "male",
    )
    counts, mask = small_project.prepared(ecg, project)
    rows = {lead: row for row, lead in enumerate(ecg.leads) if mask[LEADS.index(lead)]}
    mine, there = loaded.prepare(ecg.signal_mv, fs_hz, rows)
    np.testing.assert_array_equal(mine, counts)
    np.testing.assert_array_equal(there, mask)
    if mask.sum() >= 9:
        answer = loaded.predict(signal, fs_hz, leads, ecg.age_days, ecg.sex)
        model = project / "models" / MODEL
        expected = own_answer(ecg, project, model, tmp_path_factory.mktemp("own"))
        np.testing.assert_allclose(probabilities(answer), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("length_s", "leads"), [(6.0, ["I"]), (5.004, ["I", "V1"]), (12.002, list(LEADS))]
)
def test_a_store_of_other_leads_and_one_length_is_prepared_alike(
    loaded, ecgs, length_s, leads, monkeypatch
):
    values = loaded.about["preprocess"] | {"length_s": length_s, "leads": leads}
    monkeypatch.setattr(loaded, "about", loaded.about | {"leads": leads, "preprocess": values})
    there = preprocess.PreprocessSettings(**values)
    for name in ("P0", "P3"):
        ecg = ecgs[name]
        record = EcgRecord(ecg.signal_mv, ecg.fs_hz, ecg.leads)
        counts, mask, _ = preprocess.prepare(record, frozenset(), there)
        used = {lead: ecg.leads.index(lead) for lead in leads}
        mine, heard = loaded.prepare(ecg.signal_mv, ecg.fs_hz, used)
        np.testing.assert_array_equal(mine, counts)
        np.testing.assert_array_equal(heard, mask)


@given(seed=st.integers(0, 10_000), fs_hz=st.sampled_from([80.0, 250.0, 500.0]))
@settings(max_examples=50, deadline=None)
def test_the_leads_that_it_refuses_are_those_that_ingest_refuses(project, seed, fs_hz):
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, 0.5, (8, 1000)).astype(np.float32)
    signal[0] = np.nan
    signal[1] = rng.uniform(-0.03, 0.03)
    signal[2] = np.round(signal[2] * rng.uniform(0.2, 3))
    signal[3].clip(-0.6, rng.uniform(0.2, 0.6), out=signal[3])
    signal[4, : rng.integers(1, 200)] = 26.6
    signal[5, rng.random(1000) < rng.uniform(0, 0.04)] = np.nan
    signal[6, 100 : 100 + rng.integers(1, 100)] = np.inf
    signal[7, : rng.integers(300, 700)] = 0.1
    limits = provenance.params.load("ingest", IngestSettings, project / "params.yaml")
    expected = quality.lead_quality(signal, fs_hz, limits).usable
    values = limits.model_dump()
    np.testing.assert_array_equal(inference_steps.usable(signal, fs_hz, values), expected)


def test_the_filters_are_the_same_file(bundle, loaded):
    assert (bundle / "filters.py").read_bytes() == Path(filters.__file__).read_bytes()
    assert isinstance(loaded.filters, ModuleType)


def test_names_of_leads_are_read_in_any_case_and_order(loaded, ecgs):
    ecg = ecgs["P0"]
    turned = Ecg(
        ecg.signal_mv[::-1], ecg.fs_hz, tuple(lead.upper() for lead in LEADS[::-1]),
        ecg.age_days, ecg.sex,
    )  # fmt: skip
    np.testing.assert_array_equal(
        probabilities(ask(loaded, ecg)), probabilities(ask(loaded, turned))
    )


def test_thresholds_decide_and_a_target_without_one_is_not_decided(loaded, ecgs):
    answer = ask(loaded, ecgs["P0"])
    p = answer["probabilities"]
    assert answer["thresholds"]["abnormal"] == 0.4
    assert answer["decisions"]["abnormal"] == int(p["abnormal"] >= 0.4)
    assert (answer["thresholds"]["kawasaki"], answer["decisions"]["kawasaki"]) == (None, None)
    assert answer["decisions"]["cardiomyopathy"] == 0
    near = [t for t in p if t != "kawasaki" and abs(p[t] - answer["thresholds"][t]) < 0.0005]
    assert answer["at_threshold"] == near


def test_a_probability_within_rounding_of_its_threshold_is_named(loaded, ecgs, monkeypatch):
    p = probabilities(ask(loaded, ecgs["P0"]))
    curves = loaded.calibration["curves"]["mean"]
    for moved, expected in ((4e-4, ["abnormal"]), (6e-4, [])):
        monkeypatch.setitem(curves["abnormal"], "threshold", float(p[0]) + moved)
        answer = ask(loaded, ecgs["P0"])
        assert (answer["at_threshold"], answer["decisions"]["abnormal"]) == (expected, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leads": ("MLII", *LEADS[1:])}, "unknown lead 'MLII'"),
        ({"leads": ("II", *LEADS[1:])}, "a lead is there twice"),
        ({"leads": LEADS[:11]}, "expected \\(11 leads, samples\\)"),
        ({"signal_mv": np.zeros((12, 1500))}, "3.00 s; no training record was shorter"),
        ({"fs_hz": 50.0}, "50 Hz; expected 80"),
        ({"sex": "f"}, "sex 'f'"),
        ({"signal_mv": np.zeros((12, 5000))}, "0 usable leads"),
    ],
)
def test_what_the_model_was_not_made_for_is_refused(loaded, ecgs, changes, message):
    with pytest.raises(run.RefusedError, match=message):
        ask(loaded, ecgs["P0"], **changes)


def test_too_few_leads_are_refused(loaded, ecgs):
    one = Ecg(ecgs["P0"].signal_mv[1:2], 500.0, ("II",), 300.0, "male")
    with pytest.raises(run.RefusedError, match="1 usable leads; no training record had fewer"):
        ask(loaded, one)


def test_what_is_doubtful_is_flagged(loaded, ecgs):
    assert ask(loaded, ecgs["P0"])["flags"] == []
    for age in (0.0, 9000.0):
        flags = ask(loaded, ecgs["P0"], age_days=age)["flags"]
        assert flags == [f"age {age:g} days: outside the training records' 300 to 2300"]
    assert "not usable" in ask(loaded, ecgs["P2"])["flags"][0]
    ten = Ecg(ecgs["P0"].signal_mv[:10], 500.0, LEADS[:10], 300.0, "male")
    assert "no training record had exactly these" in ask(loaded, ten)["flags"][0]
    assert ask(loaded, ecgs["P1"])["flags"] == []
    assert ecgs["P1"].leads == NINE_LEADS


def test_a_fault_is_one_line_and_the_other_ecgs_are_answered(bundle, ecgs, tmp_path):
    np.save(tmp_path / "good.npy", ecgs["P0"].signal_mv)
    np.save(tmp_path / "short.npy", ecgs["P0"].signal_mv[:, :500])
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    files = [tmp_path / f"{name}.npy" for name in ("short", "absent", "objects", "good")]
    found = alone(bundle, *files, "--fs-hz", 500, "--leads", ",".join(LEADS))
    assert found.returncode == 1
    assert len(found.stderr.splitlines()) == 3
    assert all(line.startswith("error: ") for line in found.stderr.splitlines())
    assert len(found.stdout.splitlines()) == 1
    assert json.loads(found.stdout)["flags"] == ["age unknown", "sex unknown"]


@pytest.mark.slow
def test_further_features_are_scaled_and_asked_by_name(project, ecgs, tmp_path):
    model = project / "models" / "cnn1d"
    settings = small_project.settings_of("cnn1d")
    small_project.trained("cnn1d", settings, n_features=3).save(model / "seed0")
    whole = json.loads((project / "calibration" / f"{MODEL}.json").read_text())
    whole["curves"].pop("1")
    (project / "calibration" / "cnn1d.json").write_text(json.dumps(whole))
    assemble.write(model, tmp_path / "bundle", project)

    ecg, known = ecgs["P0"], {"feature_2": 4.5, "feature_0": -1.0, "other": 3.0}
    np.save(tmp_path / "ecg.npy", ecg.signal_mv)
    (tmp_path / "features.json").write_text(json.dumps(known))
    asked = (
        tmp_path / "ecg.npy", "--fs-hz", 500, "--leads", ",".join(LEADS),
        "--age-days", ecg.age_days, "--sex", "F",
    )  # fmt: skip
    found = alone(tmp_path / "bundle", *asked, "--features", tmp_path / "features.json")
    assert found.returncode == 0, found.stderr
    table = pd.DataFrame([known | {"feature_1": np.nan}])
    expected = own_answer(ecg, project, model, tmp_path, table)
    np.testing.assert_allclose(probabilities(json.loads(found.stdout)), expected, atol=1e-4)
    assert "reads the features feature_0, feature_1" in alone(tmp_path / "bundle", *asked).stderr


def test_a_network_without_numbers_is_refused(loaded, ecgs, monkeypatch):
    class Damaged:
        def run(self, names, inputs):
            return [np.full((len(inputs["signal"]), len(TARGETS)), np.nan, np.float32)]

    monkeypatch.setattr(loaded, "networks", [Damaged()] * len(loaded.networks))
    with pytest.raises(run.RefusedError, match="no number"):
        ask(loaded, ecgs["P0"])
