"""Simulated recordings of a hand-held recorder: classes, layout, and the same bytes each time."""

from pathlib import Path

import pandas as pd
import pytest

from pedecg.cohorts.formats import wfdb_files
from pedecg.core import params
from pedecg.simulation import cinc2017_cohort
from pedecg.waves import qrs_detection

PARAMS = Path(__file__).resolve().parents[2] / "pipelines/arrhythmia/params.yaml"
N = 30


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two runs of the same thirty recordings; the folders `raw` and `truth` of each."""
    default = params.load("simulate", cinc2017_cohort.CincSimulationSettings, PARAMS)
    small = default.model_copy(update={"recordings": N, "length_s": [9.0, 12.0]})
    folder = tmp_path_factory.mktemp("recordings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDECG_JOBS", "1")
        for run in ("one", "two"):
            cinc2017_cohort.write(small, folder / run / "raw", folder / run / "truth")
    return folder


def test_the_same_parameters_give_the_same_bytes(written):
    one = {f.relative_to(written / "one"): f.read_bytes() for f in files(written / "one")}
    two = {f.relative_to(written / "two"): f.read_bytes() for f in files(written / "two")}
    assert one == two


def files(folder):
    return sorted(file for file in folder.rglob("*") if file.is_file())


def test_every_recording_is_one_lead_of_the_wanted_length(written):
    for line in (written / "one/raw/REFERENCE-v3.csv").read_text().split():
        record = wfdb_files.read(written / "one/raw", line.split(",")[0])
        assert record.leads == ("I",)
        assert record.fs_hz == 300
        assert 9 <= record.signal.shape[1] / 300 <= 12


def test_classes_have_the_wanted_shares(written):
    truth = pd.read_csv(written / "one/truth/recordings.csv")
    assert truth["true"].value_counts().to_dict() == {"normal": 15, "other": 8, "af": 4, "noisy": 3}


def test_beats_can_be_found_where_it_is_not_noisy(written):
    truth = pd.read_csv(written / "one/truth/recordings.csv", index_col="record_id")
    waves = pd.read_parquet(written / "one/truth/fiducials.parquet")
    for name in truth.index[truth["true"] == "normal"]:
        record = wfdb_files.read(written / "one/raw", name)
        found = qrs_detection.detect(record.signal.astype(float), 300)
        there = ((waves["record_id"] == name) & (waves["wave"] == "QRS")).sum()
        assert abs(len(found) - there) <= 2


def test_fibrillation_has_no_p_wave(written):
    truth = pd.read_csv(written / "one/truth/recordings.csv", index_col="record_id")
    waves = pd.read_parquet(written / "one/truth/fiducials.parquet")
    af = waves[waves["record_id"].isin(truth.index[truth["rhythm"] == "fibrillation"])]
    assert set(af["wave"]) == {"QRS", "T"}
