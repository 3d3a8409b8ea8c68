"""A download is whole or not there, goes on where it was cut off, and has the hash it should."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from pedecg.commands import download
from pedecg.core.errors import PedecgError

BODY = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(HTTPServer):
    """Serves one file; `cut_at` breaks the first answer off, `ranges` says whether it resumes."""

    cut_at: int | None = None
    ranges = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if not self.path.endswith("weights.bin"):
            self.send_error(404)
            return
        asked = self.headers.get("Range") if server.ranges else None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and start >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        stop, server.cut_at = server.cut_at, None
        self.wfile.write(BODY[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_comes_whole_and_is_not_fetched_twice(server, tmp_path):
    path = tmp_path / "deep" / "weights.bin"
    assert download.fetch(server.url, path, SHA256) == SHA256
    assert path.read_bytes() == BODY
    assert download.fetch(server.url, path, SHA256) == SHA256
    assert len(server.asked) == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(server, tmp_path, ranges):
    server.cut_at, server.ranges = 1_234_567, ranges
    path = tmp_path / "weights.bin"
    with pytest.raises(PedecgError, match=r"broken off .*run it again"):
        download.fetch(server.url, path, SHA256)
    assert not path.exists()
    seen: list[int] = []
    assert download.fetch(server.url, path, SHA256, seen.append) == SHA256
    assert server.asked[1] == "bytes=1234567-"
    assert path.read_bytes() == BODY
    assert sum(seen) == len(BODY)


def test_a_part_that_is_already_whole_is_taken(server, tmp_path):
    (tmp_path / "weights.bin.part").write_bytes(BODY)
    assert download.fetch(server.url, tmp_path / "weights.bin", SHA256) == SHA256


def test_another_file_than_expected_is_not_kept(server, tmp_path):
    with pytest.raises(PedecgError, match=f"sha256 is {SHA256}; expected {'0' * 64}"):
        download.fetch(server.url, tmp_path / "weights.bin", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_and_a_wrong_address_are_told_in_one_line(server, tmp_path):
    with pytest.raises(PedecgError, match="answers 404"):
        download.fetch(f"{server.url}.not", tmp_path / "weights.bin")
    with pytest.raises(PedecgError, match="not an address"):
        download.fetch("file:///etc/hosts", tmp_path / "weights.bin")
    assert not (tmp_path / "weights.bin").exists()
