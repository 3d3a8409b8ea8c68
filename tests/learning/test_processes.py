"""Two processes that share each batch learn what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_hospital
from safetensors.torch import save_file
from small_hospital import NORMALISATION, SMALL, TRAINING, VALIDATION

from pedecg.learning import device
from pedecg.learning.fit import fit

pytestmark = pytest.mark.slow
CODE = "import sys, test_processes as t; t.in_two(*sys.argv[1:])"


def train(hospital: Path, state_root: Path, processes: int):
    settings = small_hospital.train_settings(epochs=6, processes=processes, accumulate=2,
                                             batch_size=16)  # fmt: skip
    data = small_hospital.load(hospital)
    return fit(
        "resnet1d", SMALL, data, TRAINING, VALIDATION, NORMALISATION, settings, 0, state_root
    )


def in_two(hospital: str, out: str) -> None:
    """Train in two processes; the one that writes leaves curves and weights."""
    if device.relaunched(2):
        return
    fitted = train(Path(hospital), Path(out) / "state", 2)
    if fitted.writes:
        save_file(fitted.trained.network.state_dict(), Path(out) / "weights.safetensors")
        (Path(out) / "curves.json").write_text(json.dumps(fitted.curves))


@pytest.fixture(scope="module")
def shared(hospital, tmp_path_factory) -> list[Path]:
    """What two processes wrote, twice over."""
    folders = [tmp_path_factory.mktemp("two") for _ in range(2)]
    script = tmp_path_factory.mktemp("script") / "in_two.py"
    script.write_text(CODE)
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    for folder in folders:
        subprocess.run(
            [sys.executable, script, hospital, folder],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            check=True,
            timeout=500,
        )
    return folders


def test_the_validation_figures_are_those_of_one_process(hospital, shared, tmp_path):
    alone = train(hospital, tmp_path, 1).curves[-1]
    both = json.loads((shared[0] / "curves.json").read_text())[-1]
    assert both["val_auroc"] == pytest.approx(alone["val_auroc"], abs=0.02)
    assert both["train_auroc"] == pytest.approx(alone["train_auroc"], abs=0.05)
    assert both["val_loss"] == pytest.approx(alone["val_loss"], abs=0.1)


def test_two_processes_give_the_same_bytes_again_and_leave_no_state(shared):
    for name in ("curves.json", "weights.safetensors"):
        assert (shared[0] / name).read_bytes() == (shared[1] / name).read_bytes()
    assert not (shared[0] / "state").exists()
