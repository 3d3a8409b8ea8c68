"""The smoke preset, run once for all tests of the pipeline."""

from pathlib import Path

import pytest
from scratch import Project, fresh_project


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke preset, run to its end once; tests that change it take a copy."""
    project = fresh_project(tmp_path_factory.mktemp("smoke") / "project")
    project.repro()
    return project


@pytest.fixture
def project(reproduced: Project, tmp_path: Path) -> Project:
    """A copy of the reproduced project to change."""
    return reproduced.copy(tmp_path / "project")
