"""Event files are what TensorBoard reads, and the same curves give the same bytes."""

import sys

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedecg.core.errors import PedecgError
from pedecg.report import event_files

CURVES = pd.DataFrame({"epoch": [1, 200], "lr": [1e-3, 5e-4], "val_auroc": [0.5, float("nan")]})


def test_tensorboard_reads_every_curve_at_every_epoch(tmp_path):
    event_files.write(CURVES, tmp_path / "cnn" / "seed0")
    read = EventAccumulator(str(tmp_path / "cnn" / "seed0")).Reload()
    assert sorted(read.Tags()["scalars"]) == ["lr", "val_auroc"]
    for name in ("lr", "val_auroc"):
        points = read.Scalars(name)
        assert [(point.step, point.wall_time) for point in points] == [(1, 1.0), (200, 200.0)]
        np.testing.assert_array_equal(
            [point.value for point in points], CURVES[name].to_numpy(np.float32)
        )


def test_the_same_curves_give_the_same_bytes(tmp_path):
    written = [event_files.write(CURVES, tmp_path / name).read_bytes() for name in "ab"]
    assert written[0] == written[1]


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(PedecgError, match=r"pip install 'pedecg\[tensorboard\]'"):
        event_files.write(CURVES, tmp_path)
    assert list(tmp_path.iterdir()) == []
