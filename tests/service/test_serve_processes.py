"""The service as a process with workers: load, crashes, time limits, requests made at random."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.service.limits import Limits
from pedecg.service.messages import Done, Job, Refused
from pedecg.service.worker_pool import WorkerPool

TOKEN = "a-token-of-the-tests-1234"


@contextlib.contextmanager
def running(model: Path, log: Path, *arguments: str) -> Iterator[str]:
    """Start `pedecg serve`, its stderr in a file; yields its address."""
    command = [sys.executable, "-c", "from pedecg.cli import main; main()", "serve", "--model",
               str(model), "--port", "0", "--workers", "1", *arguments]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PEDECG_SERVE_TOKEN": TOKEN}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, text=True, env=environment, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            lines = [process.stdout.readline(), process.stdout.readline()]
            address = re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))
            assert address is not None, log.read_text()
            yield address.group()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def asked(url: str, data: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, data, {"authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=120) as found:
            return found.status, found.read(), dict(found.headers)
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read(), dict(fault.headers)


@pytest.fixture(scope="module")
def csv(tmp_path_factory) -> bytes:
    """One ECG as a single file."""
    import format_files
    import vendor_files

    file = tmp_path_factory.mktemp("csv") / "ecg.csv"
    format_files.WRITERS["CSV"].write(file, vendor_files.ecg_mv(500, 10.0), 500)
    return file.read_bytes()


@pytest.fixture(scope="module")
def pool(network) -> Iterator[WorkerPool]:
    found = WorkerPool(network, Limits(workers=1, answer_within_s=20, memory_gb=1.5))
    found.wait_until_ready()
    yield found
    found.close()


def answered(pool: WorkerPool, job: Job) -> object:
    return pool._answer(job)


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_is_replaced(pool, csv, tmp_path, monkeypatch):
    file = tmp_path / "ecg.csv"
    file.write_bytes(csv)
    job = Job(file, "json", "ecg")
    assert isinstance(answered(pool, job), Done)
    (before,) = pool.process_ids
    os.kill(before, signal.SIGKILL)
    found = answered(pool, job)
    assert isinstance(found, Refused)
    assert found.reason == "worker-ended"
    pool.wait_until_ready()
    assert pool.process_ids != [before]
    os.kill(pool.process_ids[0], signal.SIGSTOP)  # a decoder that never ends
    monkeypatch.setattr(pool, "_limits", Limits(answer_within_s=1))
    found = answered(pool, job)
    assert isinstance(found, Refused)
    assert found.reason == "too-slow"
    monkeypatch.undo()
    pool.wait_until_ready()
    assert isinstance(answered(pool, job), Done)
    assert pool.restarts == 2


@pytest.mark.slow
def test_the_memory_of_a_worker_is_limited(pool):
    pool.wait_until_ready()
    (process,) = pool.process_ids
    soft, hard = resource.prlimit(process, resource.RLIMIT_AS)
    assert soft == hard != resource.RLIM_INFINITY
    allowed = soft - psutil.Process(process).memory_info().vms
    assert 1.0e9 < allowed <= 1.5e9


@pytest.mark.slow
def test_under_load_some_are_asked_to_wait_and_nobody_gets_a_fault(network, csv, tmp_path):
    file = tmp_path / "log"
    with running(network, file, "--waiting", "2") as address:
        url = f"{address}/predict?name=ecg.csv"
        with ThreadPoolExecutor(12) as clients:
            found = list(clients.map(lambda _: asked(url, csv), range(36)))
            begun = time.monotonic()
            assert asked(f"{address}/health")[0] == 200
            assert time.monotonic() - begun < 2
        statuses = Counter(status for status, *_ in found)
        assert set(statuses) == {200, 429}
        assert statuses[200] >= 3
        assert all("retry-after" in head for status, _, head in found if status == 429)
        assert len({body for status, body, _ in found if status == 200}) == 1
        metrics = asked(f"{address}/metrics")[1].decode()
        assert f"pedecg_ecgs_total {statuses[200]}.0" in metrics
    log = [json.loads(one) for one in file.read_text().splitlines() if one.startswith("{")]
    assert [one["event"] for one in (log[0], log[-1])] == ["start", "end"]
    assert Counter(one["status"] for one in log if one.get("route") == "/predict") == statuses


@pytest.mark.slow
def test_requests_made_from_the_openapi_document_find_no_fault(network, tmp_path):
    """schemathesis over every operation, valid and invalid requests; no status of 5xx."""
    with running(network, tmp_path / "log") as address:
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json",
            "-H", f"Authorization: Bearer {TOKEN}", "--checks", "not_a_server_error",
            "--max-examples", "25", "--phases", "examples,coverage,fuzzing", "--seed", "1",
            "--mode", "all", "--no-color", "--request-timeout", "60",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
        metrics = asked(f"{address}/metrics")[1].decode()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    counts = [
        float(line.rpartition(" ")[2])
        for line in metrics.splitlines()
        if line.startswith("pedecg_requests_total")
    ]
    assert sum(counts) > 150, "the requests reached the service"
    assert not re.search(r'pedecg_requests_total\{[^}]*status="5', metrics)


# ---- the command ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--host", "0.0.0.0"], {}, "set a password in PEDECG_SERVE_PASSWORD"),
        ([], {"PEDECG_SERVE_TOKEN": "short"}, "5 characters; expected at least 16"),
        (["--host", "0.0.0.0"], {"PEDECG_SERVE_PASSWORD": "secret"}, "6 characters"),
    ],
)
def test_a_wrong_option_is_one_line(network, monkeypatch, arguments, environment, message):
    for name in ("PEDECG_SERVE_TOKEN", "PEDECG_SERVE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli.app, ["serve", "--model", str(network), *arguments])
    assert isinstance(done.exception, PedecgError)
    assert message in str(done.exception)


def test_a_model_that_is_not_there_is_one_line(tmp_path):
    done = CliRunner().invoke(cli.app, ["serve", "--model", str(tmp_path / "no")])
    assert isinstance(done.exception, PedecgError)
    assert "not found; expected models/<name> or a bundle" in str(done.exception)


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_ends_the_program_with_one_line(tmp_path):
    (tmp_path / "params.yaml").touch()
    (tmp_path / "models" / "empty").mkdir(parents=True)
    command = [sys.executable, "-c", "from pedecg.cli import main; main()", "serve", "--model",
               str(tmp_path / "models" / "empty"), "--port", "0", "--workers", "1"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "no trained model in it" in done.stderr
    assert "Traceback" not in done.stderr
