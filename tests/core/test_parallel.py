"""The map over records keeps its order, whatever the number of processes."""

import pytest

from pedecg.core import parallel
from pedecg.core.errors import PedecgError


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_results_come_in_order(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDECG_JOBS", jobs)
    assert list(parallel.records(square, range(50), "square")) == [i * i for i in range(50)]


@pytest.mark.parametrize(("name", "value"), [("PEDECG_JOBS", "all"), ("PEDECG_BACKEND", "spark")])
def test_a_wrong_environment_is_told_in_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(PedecgError, match=f"{name}: must be .* \\(found '{value}'\\)"):
        list(parallel.records(square, range(3), "square"))
