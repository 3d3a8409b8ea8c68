"""`pedecg predict` on raw records of the test split says what the pipeline's predictions say."""

from collections.abc import Callable

import numpy as np
import pytest
from scratch import Project

from pedecg.cohorts import recordings
from pedecg.core import params, tables
from pedecg.predict import loaded_model, manifest_numbers, prepared_recording

pytestmark = pytest.mark.slow
RECORDS = 4


@pytest.mark.parametrize("pipeline", [".", "pipelines/arrhythmia", "pipelines/cardiotoxicity"])
def test_raw_test_records_get_the_pipelines_own_probabilities(
    smoke: Callable[[str], Project], pipeline: str
) -> None:
    folder = smoke(pipeline).folder
    records = tables.read(folder / "data/interim/records.parquet", tables.RECORDS)
    splits = tables.read(folder / "data/interim/splits.parquet", tables.SPLITS)
    root = folder / params.read_section("cohort.root", folder / "params.yaml")
    path = dict(zip(records["record_id"], records["path"], strict=True))
    test = splits.loc[splits["split"] == "test", "record_id"].tolist()[:RECORDS]
    models = sorted(folder.glob("predictions/*.parquet"))
    assert models
    for file in models:
        model = loaded_model.load(folder / "models" / file.stem)
        predicted = tables.read(file, tables.PREDICTIONS).set_index(["record_id", "seed", "label"])
        predicted = predicted.sort_index()
        for record_id in test:
            places, faults = recordings.find([root / path[record_id]])
            assert not faults
            (place,) = manifest_numbers.with_numbers(places, model.cohort)
            raw = model.ask(prepared_recording.prepare(recordings.read(place), model.recipe))
            mine = predicted.loc[record_id, "probability"].unstack()[list(model.targets)]
            np.testing.assert_allclose(raw, mine.to_numpy(), atol=1e-5, err_msg=file.stem)
