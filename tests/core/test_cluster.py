"""Records on a Dask cluster of separate processes: the results of one machine, or a line."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cluster_programs
import pytest
from cluster_programs import Cluster
from ruamel.yaml import YAML

from pedecg.core import cluster, parallel
from pedecg.core.errors import PedecgError

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


ROOT = Path(__file__).parents[2]
# Up to rule features, each in one process after the other; prints a digest of what each wrote.
SMALL_RUN = ROOT / "tests/determinism/small_run.py"
STAGES = (
    "simulate",
    "ingest",
    "split",
    "preprocess",
    "lead_statistics",
    "delineate",
    "rule_features",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A scheduler without workers, named in the environment."""
    found = Cluster(f"tcp://127.0.0.1:{free_port()}", tmp_path)
    found.scheduler()
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", found.address)
    yield found
    found.stop()


def test_results_come_in_order_from_the_workers_in_the_programs_folder(
    programs: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    programs.worker()
    programs.worker()
    found = list(parallel.records(cluster_programs.square, range(500), "square"))
    assert found == [n * n for n in range(500)]
    assert f"workers at {programs.address}" in capsys.readouterr().err
    places = list(parallel.records(cluster_programs.where, range(500), "where"))
    assert {folder for folder, _ in places} == {str(project)}
    assert len({process for _, process in places}) == 2
    with pytest.raises(PedecgError, match="record r3: no lead"):
        list(parallel.records(cluster_programs.refuses, range(10), "refuse"))


def test_a_dead_workers_records_are_computed_by_another(programs: Cluster, tmp_path: Path) -> None:
    programs.worker()
    programs.worker()
    work = partial(cluster_programs.dies_once, str(tmp_path))
    assert list(parallel.records(work, range(200), "die")) == [n * n for n in range(200)]
    assert (tmp_path / "died").exists()


def test_records_that_end_every_worker_are_named_in_one_line(programs: Cluster) -> None:
    programs.worker()
    with pytest.raises(PedecgError, match=r"records 1 to 5 ended every worker that took them"):
        list(parallel.records(cluster_programs.dies, range(5), "die"))


def test_a_lost_scheduler_is_one_line(programs: Cluster) -> None:
    programs.worker()
    results = parallel.records(cluster_programs.slowly, range(2000), "slow")
    assert next(results) == 0
    programs.programs[0].kill()
    begun = time.monotonic()
    with pytest.raises(PedecgError, match=r"the scheduler at .* was lost"):
        list(results)
    assert time.monotonic() - begun < 60


def test_a_connection_that_ends_before_the_client_knows_it_is_a_lost_scheduler(
    programs: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise distributed.comm.CommClosedError("reset by peer")

    programs.worker()
    monkeypatch.setattr(distributed.Future, "result", closed)
    with pytest.raises(PedecgError, match=r"the scheduler at .* was lost"):
        list(parallel.records(cluster_programs.square, range(5), "square"))


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"folder": "/no/such/folder"}, "has no folder /no/such/folder"),
        ({"code": "0" * 64}, "runs other code of pedecg"),
        ({"versions": ("numpy 1.0",)}, r"runs .*numpy 2.* \(expected numpy 1.0\)"),
    ],
)
def test_a_worker_that_differs_computes_nothing(
    difference: dict[str, object],
    message: str,
    programs: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs.worker()
    home = dataclasses.replace(cluster._home(), **difference)
    monkeypatch.setattr(cluster, "_home", lambda: home)
    with pytest.raises(PedecgError, match=message):
        list(parallel.records(cluster_programs.square, range(5), "square"))


def test_a_worker_with_several_threads_computes_nothing(programs: Cluster) -> None:
    programs.worker(threads=2)
    with pytest.raises(PedecgError, match=r"has 2 threads \(expected 1"):
        list(parallel.records(cluster_programs.square, range(5), "square"))


def test_no_scheduler_and_no_worker_are_one_line(
    programs: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WAIT_S", 2.0)
    with pytest.raises(PedecgError, match="has no worker after 2 s"):
        list(parallel.records(cluster_programs.square, range(5), "square"))
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(PedecgError, match="DASK_SCHEDULER_ADDRESS: no scheduler answers at tcp"):
        list(parallel.records(cluster_programs.square, range(5), "square"))


def test_stages_write_the_same_bytes_as_on_one_machine(programs: Cluster, tmp_path: Path) -> None:
    programs.worker()
    programs.worker()
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["simulate"]["patients"] = 12
    found = []
    for scheduler in ("", programs.address):
        folder = tmp_path / ("cluster" if scheduler else "alone")
        folder.mkdir()
        with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
            yaml.dump(values, stream)
        (folder / "src").symlink_to(ROOT / "src")
        done = subprocess.run(
            [sys.executable, str(SMALL_RUN), str(folder), *STAGES],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "0",
                 "DASK_SCHEDULER_ADDRESS": scheduler},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert ("cluster: " in done.stderr) == bool(scheduler)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Three network namespaces on one bridge: of the scheduler and of two workers."""
    if shutil.which("ip") is None:
        pytest.skip("needs the program ip")
    names = [f"pedecg{free_port()}-{n}" for n in range(3)]
    bridge = f"pe{free_port()}"

    def ip(*words: str) -> bool:
        return subprocess.run(["ip", *words], check=False, capture_output=True).returncode == 0

    try:
        if not ip("link", "add", bridge, "type", "bridge"):
            pytest.skip("needs the right to make network namespaces")
        ip("addr", "add", "10.213.0.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for n, name in enumerate(names):
            inner, outer = f"{bridge}i{n}", f"{bridge}o{n}"
            assert ip("netns", "add", name)
            assert ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            assert ip("link", "set", inner, "netns", name)
            assert ip("link", "set", outer, "master", bridge, "up")
            assert ip("-n", name, "addr", "add", f"10.213.0.{n + 2}/24", "dev", inner)
            assert ip("-n", name, "link", "set", inner, "up")
            assert ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)
        ip("link", "del", bridge)


def test_a_worker_on_another_network_address_is_killed_and_nothing_is_lost(
    namespaces: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheduler and workers as on three machines with one shared folder."""
    programs = Cluster("tcp://10.213.0.2:8786", tmp_path)
    inside = [["ip", "netns", "exec", name] for name in namespaces]
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", programs.address)
    try:
        programs.scheduler(prefix=inside[0])
        programs.worker(prefix=inside[1])
        programs.worker(prefix=inside[2])
        results = parallel.records(cluster_programs.slowly, range(400), "slow")
        first = [next(results) for _ in range(40)]
        programs.programs[1].kill()  # the nanny goes, and its worker with it
        assert first + list(results) == list(range(400))
    finally:
        programs.stop()
