"""A small pipeline that has run, and the bundle of its network."""

from pathlib import Path

import pytest
from small_project import MODEL, Ecg, simulated_ecgs, written

from pedecg.bundle import assemble


@pytest.fixture(scope="session")
def ecgs() -> dict[str, Ecg]:
    return simulated_ecgs()


@pytest.fixture(scope="session")
def project(tmp_path_factory, ecgs) -> Path:
    """A folder as the pipeline leaves it."""
    return written(tmp_path_factory.mktemp("project"), ecgs)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, project) -> Path:
    """The bundle of that pipeline's network."""
    out = tmp_path_factory.mktemp("out") / "bundle"
    assemble.write(project / "models" / MODEL, out, project)
    return out
