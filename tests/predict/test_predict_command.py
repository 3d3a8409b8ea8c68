"""`pedecg predict` answers as the pipeline does, and says what the model was not made for."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from raw_records import save
from small_project import LINE, MODEL, TARGETS, own_answer
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration
from pedecg.predict import loaded_model


def probabilities(answer) -> np.ndarray:
    return np.array([answer["probabilities"][target] for target in TARGETS])


def test_every_record_gets_the_pipelines_probabilities(
    predict, network, hospital, raw, people, tmp_path
):
    answers, done = predict(raw, "--model", network)
    assert done.exit_code == 0, done.output
    assert [answer["record"] for answer in answers] == sorted(people)
    for answer in answers:
        ecg = people[answer["record"]]
        expected = own_answer(ecg, hospital, network, tmp_path / answer["record"])
        np.testing.assert_allclose(probabilities(answer), expected, atol=1e-5)
        assert (answer["age_days"], answer["sex"]) == (ecg.age_days, ecg.sex)


def test_one_seed_is_asked_alone_with_its_own_curves(predict, network, raw):
    (both,), _ = predict(raw / "P0", "--model", network)
    each = [predict(raw / "P0", "--model", network / f"seed{k}")[0][0] for k in (0, 1)]
    assert len({answer["probabilities"]["chd"] for answer in (both, *each)}) == 3


def test_an_ensemble_is_the_mean_of_its_calibrated_members(predict, hospital, raw):
    def stated(name):
        opened = loaded_model.load(hospital / "models" / name)
        fitted = opened.fitted
        (answer,), _ = predict(raw / "P0", "--model", hospital / "models" / name)
        return probabilities(answer), fitted

    from pedecg.cohorts import recordings
    from pedecg.predict import prepared_recording

    (place,), _ = recordings.find([raw / "P0"])
    line = calibration.METHODS["platt"]
    members = []
    for name in ("age_sex", f"{MODEL}/seed0"):
        opened = loaded_model.load(hospital / "models" / name)
        one = prepared_recording.prepare(recordings.read(place), opened.recipe)
        members.append(line.apply(opened.ask(one)[0], LINE))
    together, fitted = stated("ensemble")
    np.testing.assert_allclose(together, fitted.apply(np.mean(members, axis=0)[None])[0], atol=1e-7)


def test_decisions_follow_the_thresholds_and_null_means_none(predict, network, raw):
    (answer,), _ = predict(raw / "P0", "--model", network)
    assert answer["thresholds"] == {
        "abnormal": 0.4, "chd": 0.5, "kawasaki": None, "cardiomyopathy": 2.0,
    }  # fmt: skip
    assert answer["decisions"]["kawasaki"] is None
    assert answer["decisions"]["cardiomyopathy"] == 0
    assert answer["decisions"]["abnormal"] == int(answer["probabilities"]["abnormal"] >= 0.4)


def test_a_probability_within_rounding_of_its_threshold_is_stated_to_be_at_it(
    predict, network, raw, monkeypatch
):
    (answer,), _ = predict(raw / "P0", "--model", network)
    assert answer["at_threshold"] == []
    own = calibration.Curve("platt", LINE, answer["probabilities"]["abnormal"] + 4e-4, {})
    real = calibration.load

    def moved(path):
        fitted = real(path)
        for curves in fitted.curves.values():
            curves["abnormal"] = own
        return fitted

    monkeypatch.setattr(calibration, "load", moved)
    loaded_model.load.cache_clear()
    (answer,), _ = predict(raw / "P0", "--model", network)
    assert (answer["at_threshold"], answer["decisions"]["abnormal"]) == (["abnormal"], 0)
    done = CliRunner().invoke(cli.app, ["predict", str(raw / "P0"), "--model", str(network)])
    loaded_model.load.cache_clear()  # the next test opens the model as it is
    assert "negative, at the threshold" in done.output


def test_who_it_is_may_be_stated_by_hand(predict, network, raw, hospital, people, tmp_path):
    (answer,), _ = predict(raw / "P0", "--model", network, "--age", "2y", "--sex", "M")
    assert (answer["age_days"], answer["sex"]) == (730, "male")
    other = replace(people["P0"], age_days=730.0, sex="male")
    expected = own_answer(other, hospital, network, tmp_path / "own")
    np.testing.assert_allclose(probabilities(answer), expected, atol=1e-5)


def test_what_the_model_was_not_made_for_is_flagged(predict, network, people, tmp_path):
    ecg = people["P0"]
    odd = replace(ecg, age_days=20_000.0, leads=ecg.leads[:10], signal_mv=ecg.signal_mv[:10])
    noise = np.cumsum(np.random.default_rng(0).normal(0, 0.03, ecg.signal_mv.shape), axis=1)
    save(tmp_path, "odd", odd)
    save(tmp_path, "noise", replace(ecg, signal_mv=noise.astype(np.float32)))
    save(tmp_path, "unknown", replace(ecg, age_days=None, sex=None))
    answers, done = predict(tmp_path, "--model", network)
    assert done.exit_code == 0, done.output
    flags = {answer["record"]: " / ".join(answer["flags"]) for answer in answers}
    assert "age 20000 days: outside the training records' 300 to 2300" in flags["odd"]
    assert "no training record had exactly these" in flags["odd"]
    assert "noisy, the baseline wanders" in flags["noise"]
    assert "age unknown / sex unknown" in flags["unknown"]


@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (lambda e: replace(e, signal_mv=e.signal_mv[:, :900]), "no training record was shorter"),
        (lambda e: replace(e, leads=e.leads[:3], signal_mv=e.signal_mv[:3]), "3 usable leads"),
        (lambda e: replace(e, signal_mv=np.zeros_like(e.signal_mv)), "flat"),
        (lambda e: replace(e, leads=("x", "y"), signal_mv=e.signal_mv[:2]), "it has ch1, ch2"),
        (lambda e: replace(e, fs_hz=40.0), "40 Hz"),
    ],
)
def test_what_it_cannot_answer_is_refused_in_one_line(
    predict, network, people, tmp_path, change, stated
):
    save(tmp_path, "bad", change(people["P0"]))
    answers, done = predict(tmp_path / "bad", "--model", network)
    assert (answers, done.exit_code) == ([], 1)
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert stated in line


def test_a_folder_with_a_bad_file_answers_the_rest_and_names_it(predict, network, raw, tmp_path):
    mixed = shutil.copytree(raw, tmp_path / "mixed")
    (mixed / "P1.dat").write_bytes(b"short")
    (mixed / "empty.xml").write_bytes(b"")
    answers, done = predict(mixed, "--model", network)
    assert done.exit_code == 1
    assert len(answers) == 5
    faults = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(faults) == 2
    assert any("P1" in line and "truncated-signal" in line for line in faults)
    assert any("empty.xml" in line for line in faults)


@pytest.mark.parametrize(
    ("arguments", "stated"),
    [
        (("--model", "nowhere"), "--model nowhere: not found"),
        (("--model", "."), "no trained model"),
        (("--target", "gout"), "--target gout: the model predicts abnormal"),
        (("--number", "dose=1"), "the model reads no 'dose'"),
        (("--age", "5"), "no unit"),
        (("--age", "5d", "--age-days", "5"), "give one of them"),
    ],
)
def test_a_wrong_option_is_stated_in_one_line(
    hospital, network, raw, monkeypatch, arguments, stated
):
    monkeypatch.chdir(hospital / "models")
    asked = ["predict", str(raw / "P0"), "--model", str(network), *arguments]
    done = CliRunner().invoke(cli.app, asked)
    assert isinstance(done.exception, PedecgError)
    assert stated in str(done.exception)
    assert "\n" not in str(done.exception)


def test_parameters_that_changed_after_the_training_are_refused(hospital, raw, tmp_path):
    copy = shutil.copytree(hospital, tmp_path / "copy")
    lock = {"stages": {"preprocess": {"params": {"params.yaml": {"preprocess.low_hz": 0.3}}}}}
    (copy / "dvc.lock").write_text(json.dumps(lock))
    with pytest.raises(PedecgError, match=r"preprocess.low_hz is not what stage preprocess ran"):
        loaded_model.load(copy / "models" / MODEL)


def test_the_text_names_targets_thresholds_and_flags(network, raw):
    done = CliRunner().invoke(
        cli.app, ["predict", str(raw / "P1"), "--model", str(network), "--age", "40y"]
    )
    assert done.exit_code == 0, done.output
    for word in (
        *TARGETS,
        "0.400",
        "negative",
        "decision",
        "outside the training",
        "Not a medical device",
    ):
        assert word in done.output


@pytest.mark.parametrize("name", [MODEL, "age_sex"])
def test_the_picture_is_drawn_with_and_without_networks(predict, hospital, raw, tmp_path, name):
    picture = tmp_path / "one.png"
    model = hospital / "models" / name
    for file in (picture, tmp_path / "two.png"):
        _, done = predict(raw / "P0", "--model", model, "--plot", file, "--target", "chd")
        assert done.exit_code == 0, done.output
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_bundle_is_asked_as_the_model_that_it_was_made_from(
    predict, hospital, network, raw, tmp_path
):
    assemble = pytest.importorskip("pedecg.bundle.assemble")
    assemble.write(network, tmp_path / "bundle", hospital)
    ours, _ = predict(raw, "--model", network)
    theirs, done = predict(raw, "--model", tmp_path / "bundle")
    assert done.exit_code == 0, done.output
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(probabilities(one), probabilities(other), atol=1e-4)
        kept = ("record", "thresholds", "flags", "rules_fired", "training_children")
        assert {key: one[key] for key in kept} == {key: other[key] for key in kept}
