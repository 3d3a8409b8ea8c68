"""`pedecg predict` says when it is uncertain, and when a record is unlike those of training."""

import numpy as np
import pandas as pd
import pytest
from small_project import MODEL, TARGETS
from typer.testing import CliRunner

from pedecg import cli
from pedecg.cohorts import recordings
from pedecg.evaluation import prediction_sets, training_distance
from pedecg.predict import loaded_model, prepared_recording


@pytest.fixture
def with_uncertainty(hospital, network):
    """Prediction sets and a training distance, as the stages leave them."""
    loaded_model.load.cache_clear()
    scores = prediction_sets.Scores(
        tuple(np.linspace(0.01, 0.99, 99)), ("28-364 d",) * 50 + ("365-1825 d",) * 49
    )
    edges = (28, 365, 1826, 3652)
    sets = prediction_sets.PredictionSets(MODEL, 0.9, False, edges, dict.fromkeys(TARGETS, scores))
    n = len(training_distance.NAMES)
    distance = training_distance.TrainingDistance(
        training_distance.NAMES, (0.0,) * n, (1e-3,) * n, tuple(map(tuple, np.eye(n).tolist())),
        5.0, 0.05, 100, training_distance.Share(100, 4, 0.04, 0.01, 0.1),
    )  # fmt: skip
    files = [
        hospital / prediction_sets.FOLDER / f"{MODEL}.json",
        hospital / training_distance.FILE,
    ]
    sets.save(files[0])
    distance.save(files[1])
    yield sets
    for file in files:
        file.unlink()
    loaded_model.load.cache_clear()


def test_the_answer_holds_prediction_sets_and_how_far_the_record_is(
    predict, network, raw, with_uncertainty
):
    (answer,), _ = predict(raw / "P0", "--model", network)
    opened = loaded_model.load(network)
    (place,), _ = recordings.find([raw / "P0"])
    exam = prepared_recording.prepare(recordings.read(place), opened.recipe)
    p = opened.ask(exam).mean(axis=0)
    found = answer["prediction_sets"]
    group = with_uncertainty.groups(pd.Series([answer["age_days"]]))
    assert group.tolist() == ["28-364 d"]
    for k, target in enumerate(opened.targets):
        made = with_uncertainty.of(target, p[k : k + 1], group)
        assert found["sets"][target] == prediction_sets.as_plain(made)[0]
        assert found["answers"][target] == prediction_sets.answers(made)[0]
    assert found["confidence"] == 0.9
    assert any(flag.startswith("far from the training records") for flag in answer["flags"])
    assert any("4 of 100 test records" in flag for flag in answer["flags"])
    done = CliRunner().invoke(cli.app, ["predict", str(raw / "P0"), "--model", str(network)])
    assert "at 90% confidence" in " ".join(done.output.split())


def test_one_training_alone_has_no_prediction_sets(predict, network, raw, with_uncertainty):
    (answer,), _ = predict(raw / "P0", "--model", network / "seed0")
    assert "prediction_sets" not in answer


def test_without_the_stages_the_answer_is_what_it_was(predict, network, raw):
    (answer,), _ = predict(raw / "P0", "--model", network)
    assert "prediction_sets" not in answer
    assert not any("far from" in flag for flag in answer["flags"])
