"""A download as a stage of the pipeline: it runs once, is frozen, and its files are watched."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import local_server
import pytest

pytestmark = pytest.mark.slow

DATASETS = Path(__file__).parents[2] / "docs" / "datasets.md"
FILES = {"README": b"read me", "data/1.hea": b"1 1 500 3\n1.dat 16\n", "data/1.dat": b"\0" * 6}


@pytest.fixture
def publisher(tmp_path):
    """Serve LUDB's files, made up; counts the requests."""
    folder = tmp_path / "published"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in FILES.items()]
    (folder / "SHA256SUMS.txt").write_text("".join(sums))
    requests = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    def serve(*arguments):
        return Handler(*arguments, directory=str(folder))

    with local_server.running(ThreadingHTTPServer(("127.0.0.1", 0), serve)) as server:
        yield f"http://127.0.0.1:{server.server_port}/", requests, folder


@pytest.fixture
def project(tmp_path):
    """An empty DVC project; returns a function that runs a command in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    source = str(Path(__file__).parents[2] / "src")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(*command: str, fails: bool = False) -> str:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": path, "PYTHONPATH": source, "DVC_NO_ANALYTICS": "1"},
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        run(*command)
    return folder, run


def documented(mirror: str) -> list[list[str]]:
    """Return the commands of the documentation, with the address of this machine's server."""
    block = DATASETS.read_text().split("dvc stage add -n fetch_ludb", 1)[1].split("```")[0]
    text = f"dvc stage add -n fetch_ludb{block}".replace("\\\n", " ")
    text = text.replace("pedecg fetch ludb", f"pedecg fetch ludb --mirror {mirror}")
    return [one.split() for line in text.splitlines() for one in line.split(" && ") if one]


def again(run) -> None:
    """Download anew, as the documentation says."""
    text = DATASETS.read_text().split("To download again", 1)[1].split("\n\n")[0]
    for command in re.findall(r"`(dvc [^`]+)`", text):
        run(*command.split())


def test_the_documented_stage_downloads_once_and_later_stages_depend_on_it(publisher, project):
    mirror, requests, published = publisher
    folder, run = project
    add, *rest = documented(mirror)
    run(*add)
    downstream = ["--deps", "data/external/ludb", "--outs", "sizes.txt"]
    run(
        "dvc",
        "stage",
        "add",
        "-n",
        "ingest",
        *downstream,
        "wc -c data/external/ludb/*/* > sizes.txt",
    )
    for command in rest:
        run(*command)
    for name, content in FILES.items():
        assert (folder / "data/external/ludb" / name).read_bytes() == content
    assert "frozen: true" in (folder / "dvc.yaml").read_text()
    run("dvc", "repro")
    assert "data/1.dat" in (folder / "sizes.txt").read_text()
    came = len(requests)
    assert "Running stage" not in run("dvc", "repro")
    assert len(requests) == came, "a frozen download asks nobody"
    assert "fetch_ludb" in run("dvc", "dag", "--dot")
    assert '"fetch_ludb" -> "ingest"' in run("dvc", "dag", "--dot").replace("'", '"')
    # Another file of the publisher's comes when it is asked for, and the later stage runs again.
    more = b"another"
    (published / "data/2.dat").write_bytes(more)
    with (published / "SHA256SUMS.txt").open("a") as sums:
        sums.write(f"{hashlib.sha256(more).hexdigest()} data/2.dat\n")
    again(run)
    shown = run("dvc", "repro")
    assert "Running stage 'ingest'" in shown
    assert "data/2.dat" in (folder / "sizes.txt").read_text()
    # On another machine the folder is not there.
    shutil.rmtree(folder / "data")
    again(run)
    assert (folder / "data/external/ludb/data/2.dat").read_bytes() == more
    assert "Running stage" not in run("dvc", "repro")


def test_an_altered_file_of_a_frozen_download_is_seen(publisher, project):
    mirror, _, _ = publisher
    folder, run = project
    for command in documented(mirror):
        run(*command)
    (folder / "data/external/ludb/data/1.dat").write_bytes(b"other!")
    assert "modified" in run("dvc", "status")


def test_a_download_that_fails_fails_the_stage_and_what_came_stays(publisher, project):
    mirror, _, published = publisher
    folder, run = project
    (published / "data/1.dat").write_bytes(b"wrong!")
    add, repro, *_ = documented(mirror)
    run(*add)
    assert "sha256 does not match" in run(*repro, fails=True)
    assert (folder / "data/external/ludb/README").read_bytes() == FILES["README"]
    assert not (folder / "data/external/ludb/data/1.dat").exists()
    (published / "data/1.dat").write_bytes(FILES["data/1.dat"])
    run(*repro)
    assert (folder / "data/external/ludb/data/1.dat").read_bytes() == FILES["data/1.dat"]
