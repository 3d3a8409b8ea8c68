"""The map over records keeps its order, whatever the number of processes."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pedecg.core import parallel
from pedecg.core.errors import PedecgError


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_results_come_in_order(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDECG_JOBS", jobs)
    assert list(parallel.records(square, range(50), "square")) == [i * i for i in range(50)]


def test_a_wrong_number_of_processes_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDECG_JOBS", "all")
    with pytest.raises(PedecgError, match=r"PEDECG_JOBS: must be .* \(found 'all'\)"):
        list(parallel.records(square, range(3), "square"))


def threads(_: int) -> list[int]:
    """Return how many threads BLAS and torch would take here."""
    torch = sys.modules.get("torch")
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return blas + ([torch.get_num_threads()] if torch else [])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_record_is_computed_with_one_thread(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDECG_JOBS", jobs)
    for found in parallel.records(threads, range(4), "threads"):
        assert set(found) == {1}


@pytest.mark.parametrize("read", [1, 3])
def test_threads_are_as_before_even_if_not_all_is_read(
    read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDECG_JOBS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, "blas"):
            found = parallel.records(threads, range(3), "threads")
            for _ in range(read):
                assert set(next(found)) == {1}
                assert set(threads(0)) == {2}
            found.close()
            assert set(threads(0)) == {2}
        assert os.environ["OMP_NUM_THREADS"] == "2"
    finally:
        torch.set_num_threads(before)


def test_threads_are_as_before_after_an_error() -> None:
    before = threads(0)
    with pytest.raises(ZeroDivisionError):
        parallel.alone(lambda item: 1 // item, 0)
    assert threads(0) == before


def test_torch_is_not_loaded_for_the_sake_of_its_threads() -> None:
    code = (
        "import sys; from pedecg.core import parallel\n"
        "assert list(parallel.records(abs, [-1], 'abs')) == [1]\n"
        "assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"PEDECG_JOBS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


PARENT = """
import sys, time
from pedecg.core import parallel
def slow(number):
    print("pid", __import__("os").getpid(), flush=True)
    time.sleep(60)
if __name__ == "__main__":
    list(parallel.records(slow, range(4), "slow"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["SIGKILL", "SIGTERM"])
def test_workers_end_with_their_parent(tmp_path, kill: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PEDECG_JOBS": "2"},
    )  # fmt: skip
    assert process.stdout is not None
    workers = {int(process.stdout.readline().split()[1]) for _ in range(2)}
    process.send_signal(getattr(signal, kill))
    process.wait()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{w}").exists() for w in workers) and time.monotonic() < until:
        time.sleep(0.2)
    assert not [w for w in workers if Path(f"/proc/{w}").exists()]
