"""A DVC remote on S3: what one clone pushes, another pulls, and it runs nothing again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.slow
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
           "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}  # fmt: skip
STAGES = """\
stages:
  letter:
    matrix: {letter: [a, b]}
    cmd: mkdir -p out/${item.letter} && date +%N > out/${item.letter}/when
    outs: ["out/${item.letter}"]
  count:
    cmd: cat out/*/when > all.txt; wc -l < all.txt > count.json
    deps: [out]
    outs:
      - all.txt
      - count.json: {cache: false}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An S3 server on this machine with the bucket `ecgs`; its address."""
    for package in ("dvc_s3", "moto", "flask_cors"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (tmp_path / "server.log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env={**os.environ, **ACCOUNT}, stdout=log, stderr=log,
        )  # fmt: skip
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                requests.put(f"{address}/ecgs", timeout=10).raise_for_status()
                break
            except requests.ConnectionError:
                assert started.poll() is None, (tmp_path / "server.log").read_text()
                assert time.monotonic() < until, "the server does not answer"
                time.sleep(0.1)
        yield address
    finally:
        started.terminate()
        started.wait(20)


def call(folder: Path, *command: str) -> str:
    author = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
              for part in ("NAME", "EMAIL")}  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **ACCOUNT, **author, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_fresh_clone_pulls_what_was_pushed_and_runs_nothing(server: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    (first / "dvc.yaml").write_text(STAGES)
    for command in (
        "git init -q", "dvc init -q", "dvc remote add -q -d storage s3://ecgs/dvc",
        f"dvc remote modify -q storage endpointurl {server}", "dvc repro -q", "git add -A",
        "git commit -qm run", "dvc push -q", f"git clone -q {first} {second}",
    ):  # fmt: skip
        call(first, *command.split())
    assert not (second / "out/a").exists()
    call(second, "dvc", "pull", "-q")
    for file in ("out/a/when", "out/b/when", "all.txt"):  # a time: another run has other bytes
        assert (second / file).read_bytes() == (first / file).read_bytes()
    assert "Running stage" not in call(second, "dvc", "repro")
    assert call(second, "git", "status", "--porcelain") == ""
