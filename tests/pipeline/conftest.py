"""The smoke preset of each pipeline, run once for all tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from scratch import PAEDIATRIC, Project, fresh_project, pipelines


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Run the smoke preset of a pipeline to its end, once; tests that change it take a copy."""

    @cache
    def run(pipeline: str) -> Project:
        project = fresh_project(tmp_path_factory.mktemp("smoke") / "project", pipeline)
        project.repro()
        return project

    return run


@pytest.fixture(scope="session", params=pipelines())
def reproduced(request: pytest.FixtureRequest, smoke: Callable[[str], Project]) -> Project:
    """Each pipeline in turn, run to its end."""
    return smoke(request.param)


@pytest.fixture
def project(smoke: Callable[[str], Project], tmp_path: Path) -> Project:
    """A copy of the reproduced root pipeline to change."""
    return smoke(PAEDIATRIC).copy(tmp_path / "project")
