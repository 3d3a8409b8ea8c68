"""What tests share: the real records beside the project, and which tests run beside each other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PIPELINE_TESTS = Path(__file__).parent / "pipeline"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records; skips where this checkout has none beside it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real records: {SHARED_DATA} does not exist")
    return SHARED_DATA


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """One Chromium for all pages of a test process: Playwright starts only once in a process."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let test processes finish at the same time: long tests first, and each of them by itself.

    Tests of one file run in one process, because they share what they have prepared. Those that
    run a whole pipeline take minutes each and share the small run of it through a file: they are
    dealt out one by one, and neighbours run different pipelines, so that no process waits for
    another's small run.
    """
    long = [item for item in items if runs_a_pipeline(item)]
    dealt: dict[str, int] = {}
    rounds = {}
    for item in long:
        name = pipeline_of(item)
        dealt[name] = rounds[item] = dealt.get(name, 0) + 1
    long.sort(key=lambda item: rounds[item])
    items[:] = [*long, *(item for item in items if item not in rounds)]
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            group = item.nodeid if item in rounds else item.path.as_posix()
            item.add_marker(pytest.mark.xdist_group(group))


def runs_a_pipeline(item: pytest.Item) -> bool:
    shared = {"smoke", "reproduced", "project"} & set(getattr(item, "fixturenames", ()))
    return item.path.parent == PIPELINE_TESTS and bool(shared)


def pipeline_of(item: pytest.Item) -> str:
    """Return the folder of the pipeline that a test runs; the root pipeline where it names none."""
    values = item.callspec.params if hasattr(item, "callspec") else {}
    return str(values.get("pipeline", values.get("reproduced", ".")))
