"""A small simulated hospital that the tests of simulation share."""

from pathlib import Path

import pytest

from pedecg.core import params
from pedecg.simulation import zzu_cohort
from pedecg.simulation.hospital_settings import SimulationSettings

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


@pytest.fixture(scope="session")
def settings() -> SimulationSettings:
    """The default hospital, small."""
    loaded = params.load("simulate", SimulationSettings, PARAMS)
    return loaded.model_copy(update={"patients": 40})


@pytest.fixture(scope="session")
def hospital(
    settings: SimulationSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Folders `raw` and `truth` of the small hospital."""
    folder = tmp_path_factory.mktemp("hospital")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDECG_JOBS", "1")
        zzu_cohort.write(settings, folder / "raw", folder / "truth")
    return folder / "raw", folder / "truth"
