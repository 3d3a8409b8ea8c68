"""A small pipeline that has run, and `pedecg serve` on its network."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "bundle"))
sys.path.insert(0, str(Path(__file__).parents[1] / "cohorts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "predict"))
import in_process
import pytest
import raw_records
import small_project


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A folder as the pipeline leaves it, with a small network of two trainings."""
    ecgs = small_project.simulated_ecgs()
    folder = small_project.written(tmp_path_factory.mktemp("served"), ecgs)
    (folder / "raw").mkdir()
    for name, ecg in ecgs.items():
        raw_records.save(folder / "raw", name, ecg)
    return folder


@pytest.fixture(scope="session")
def network(project) -> Path:
    return project / "models" / small_project.MODEL


@pytest.fixture(scope="session")
def record(project) -> list[Path]:
    """The files of one WFDB record of twelve leads."""
    return [project / "raw" / f"P0{suffix}" for suffix in (".hea", ".dat")]


@pytest.fixture
def site(network, tmp_path) -> Iterator[Callable[..., in_process.Site]]:
    """Start the service; a folder of its own receives the files of requests."""
    folder = tmp_path / "uploads"
    folder.mkdir()

    def start(**settings: object) -> in_process.Site:
        return in_process.site(network, folder, **settings)  # type: ignore[arg-type]

    yield start
    assert list(folder.iterdir()) == [], "files of a request are removed with it"
