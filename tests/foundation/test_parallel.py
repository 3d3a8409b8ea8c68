"""The map over records keeps its order, whatever the number of processes."""

import pytest

from pedecg import parallel


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_results_come_in_order(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDECG_JOBS", jobs)
    assert list(parallel.records(square, range(50), "square")) == [i * i for i in range(50)]
