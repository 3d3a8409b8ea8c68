"""What tests share: the real records beside the project, and which tests run beside each other."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PIPELINE_TESTS = Path(__file__).parent / "pipeline"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records; skips where this checkout has none beside it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real records: {SHARED_DATA} does not exist")
    return SHARED_DATA


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
