"""The smoke preset of each pipeline, run once for all tests, whichever process they run in."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import stage_server
from filelock import FileLock
from scratch import PAEDIATRIC, Project, fresh_project, pipelines


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Run the smoke preset of a pipeline to its end, once; tests that change it take a copy.

    The processes of pytest-xdist share the run: the first that needs it makes it, the others wait.
    No test runs DVC in it, which locks its folder.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    @cache
    def run(pipeline: str) -> Project:
        folder = root / "smoke" / pipeline.replace("/", "-").replace(PAEDIATRIC, "root")
        folder.mkdir(parents=True, exist_ok=True)
        failure, complete = folder / "failure.txt", folder / "complete"
        with FileLock(folder / "lock"):
            if failure.exists():  # the same failure, without waiting for it again
                raise AssertionError(failure.read_text(encoding="utf-8"))
            if complete.exists():
                return Project(folder / "project", pipeline)
            try:
                project = fresh_project(folder / "project", pipeline)
                project.repro()
            except BaseException as error:
                failure.write_text(f"{pipeline}: {error}", encoding="utf-8")
                raise
            complete.touch()
        return project

    return run


@pytest.fixture(scope="session", params=pipelines())
def reproduced(
    request: pytest.FixtureRequest,
    smoke: Callable[[str], Project],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """Each pipeline in turn, run to its end."""
    return smoke(request.param).copy(tmp_path_factory.mktemp("reproduced") / "project")


@pytest.fixture(scope="session")
def forked_stages() -> Iterator[Path]:
    """The folder of a command `python` that runs stages without importing libraries each time."""
    with stage_server.command() as folder:
        yield folder


@pytest.fixture
def project(smoke: Callable[[str], Project], tmp_path: Path) -> Project:
    """A copy of the reproduced root pipeline to change."""
    return smoke(PAEDIATRIC).copy(tmp_path / "project")
