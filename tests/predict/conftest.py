"""A small pipeline that has run, its raw records as files, and the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "bundle"))
import raw_records
import small_project

from pedecg import cli
from pedecg.core import tables
from pedecg.evaluation import ensemble
from pedecg.evaluation.calibration import MEAN, Calibration
from pedecg.learning import batches
from pedecg.models import registry
from pedecg.models.contract import Training

AGE_SEX = "age_sex"


@pytest.fixture(scope="session")
def people() -> dict[str, small_project.Ecg]:
    return small_project.simulated_ecgs()


@pytest.fixture(scope="session")
def hospital(tmp_path_factory, people) -> Path:
    """A folder as the pipeline leaves it: a network, age and sex alone, and their ensemble."""
    folder = small_project.written(tmp_path_factory.mktemp("hospital"), people)
    records = tables.read(folder / "data/interim/records.parquet", tables.RECORDS)
    labels = tables.read(folder / "data/interim/labels.parquet", tables.LABELS)
    labels.loc[::2, list(small_project.TARGETS)] = 0
    rows = batches.dataset(None, records, labels)
    training = Training(AGE_SEX, {"strength": 1.0}, 0, {"task": "multilabel"})
    fitted = registry.fit(rows, np.zeros(len(rows), bool), training)
    fitted.model.save(folder / "models" / AGE_SEX / "seed0")
    members = [
        ensemble.Member(name, 0, "platt", dict.fromkeys(small_project.TARGETS, small_project.LINE))
        for name in (AGE_SEX, small_project.MODEL)
    ]
    ensemble.write(folder / "models" / ensemble.NAME / "seed0", 0, small_project.TARGETS, members)
    for name in (AGE_SEX, ensemble.NAME):
        curves = dict.fromkeys(("0", MEAN), small_project.CURVES)
        Calibration(name, small_project.TARGETS, False, "f1", curves).save(
            folder / "calibration" / f"{name}.json"
        )
    return folder


@pytest.fixture(scope="session")
def network(hospital) -> Path:
    return hospital / "models" / small_project.MODEL


@pytest.fixture(scope="session")
def raw(tmp_path_factory, people) -> Path:
    """The same people's records as WFDB files that say age and sex."""
    folder = tmp_path_factory.mktemp("raw")
    for name, ecg in people.items():
        raw_records.save(folder, name, ecg)
    return folder


@pytest.fixture
def predict() -> Callable:
    """Call `pedecg predict … --json`; the answers, the exit status and what it stated of faults."""

    def call(*arguments: object):
        done = CliRunner().invoke(cli.app, ["predict", *map(str, arguments), "--json"])
        answers = [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]
        return answers, done

    return call
