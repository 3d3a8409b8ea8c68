"""A download is complete and checked under its final name, or it is not there."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import local_server
import numpy as np
import pytest
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.downloads import http_file as download

BODY = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file.

    Attributes
    ----------
    body : what is sent.
    cut_at : number of bytes after which the connection is closed; None: all are sent.
    states_length : whether the answer has a Content-Length.
    drip_s : pause between single bytes; 0: all are sent at once.
    requests : how many were received.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.cut_at, self.states_length, self.drip_s = BODY, None, True, 0.0
        self.requests = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests += 1
        if not self.path.endswith("weights.bin"):
            self.send_error(404)
            return
        self.send_response(200)
        if server.states_length:
            self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        if server.drip_s:
            self.drip()
        else:
            self.wfile.write(server.body[: server.cut_at])

    def drip(self):
        try:
            for k in range(len(self.server.body)):
                self.wfile.write(self.server.body[k : k + 1])
                time.sleep(self.server.drip_s)
        except OSError:
            pass  # the client has gone, as it should

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with local_server.running(Server()) as answering:
        yield answering


def test_a_file_comes_complete_and_is_not_downloaded_twice(server, tmp_path):
    path = tmp_path / "deep" / "weights.bin"
    assert download.fetch(server.url, path, SHA256) == SHA256
    assert path.read_bytes() == BODY
    assert download.fetch(server.url, path, SHA256) == SHA256
    assert server.requests == 1
    assert list(path.parent.iterdir()) == [path]


def test_the_hash_of_a_file_without_a_published_one_is_computed(server, tmp_path):
    assert download.fetch(server.url, tmp_path / "weights.bin") == SHA256


def test_others_may_read_the_file(server, tmp_path):
    download.fetch(server.url, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").stat().st_mode & 0o044 == 0o044


def refused(server, folder, match, **arguments):
    """Check that a download fails in one line and leaves nothing behind."""
    with pytest.raises(PedecgError, match=match) as fault:
        download.fetch(server.url, folder / "weights.bin", **arguments)
    assert "\n" not in str(fault.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("cut_at", [0, 1, 1_234_567, len(BODY) - 1])
def test_a_connection_that_is_cut_leaves_nothing_and_the_next_call_succeeds(
    server, tmp_path, cut_at
):
    server.cut_at = cut_at
    refused(server, tmp_path, "the download failed .*try again", checksum=SHA256)
    refused(server, tmp_path, "the download failed .*try again")
    server.cut_at = None
    assert download.fetch(server.url, tmp_path / "weights.bin", SHA256) == SHA256


def test_a_cut_without_a_stated_length_is_found_by_the_hash(server, tmp_path):
    server.cut_at, server.states_length = 1_234_567, False
    refused(server, tmp_path, "does not match", checksum=SHA256)


def test_other_bytes_than_expected_are_refused(server, tmp_path):
    refused(server, tmp_path, f"expected {'0' * 64} but got {SHA256}", checksum="0" * 64)


def test_an_existing_file_of_another_hash_is_refused_and_kept(server, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"mine")
    with pytest.raises(PedecgError, match=f"expected {SHA256}"):
        download.fetch(server.url, tmp_path / "weights.bin", SHA256)
    assert (tmp_path / "weights.bin").read_bytes() == b"mine"
    assert server.requests == 0


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>log in", b"\n <HTML lang='en'>no"])
def test_a_web_page_in_place_of_the_file_is_refused(server, tmp_path, page):
    server.body = page
    refused(server, tmp_path, "sent a web page")


@pytest.mark.parametrize("states_length", [True, False])
def test_an_empty_file_is_refused(server, tmp_path, states_length):
    server.body, server.states_length = b"", states_length
    refused(server, tmp_path, "empty file")


@pytest.mark.parametrize("states_length", [True, False])
def test_a_body_that_drips_ends_at_the_time_limit(server, tmp_path, states_length):
    server.drip_s, server.states_length = 0.05, states_length
    start = time.monotonic()
    refused(server, tmp_path, r"not complete after 0\.5 s", time_limit_s=0.5)
    assert time.monotonic() - start < 5


def test_two_downloads_of_one_file_at_once_both_end_with_it(server, tmp_path):
    path = tmp_path / "weights.bin"
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(download.fetch, server.url, path, SHA256) for _ in range(2)]
    assert [call.result() for call in calls] == [SHA256] * 2
    assert path.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [path]


def test_a_refusal_and_a_wrong_address_are_one_line(server, tmp_path):
    with pytest.raises(PedecgError, match="returned 404 Not Found"):
        download.fetch(f"{server.url}.not", tmp_path / "weights.bin")
    with pytest.raises(PedecgError, match="not an address"):
        download.fetch("file:///etc/hosts", tmp_path / "weights.bin")
    with pytest.raises(PedecgError, match="not a SHA-256"):
        download.fetch(server.url, tmp_path / "weights.bin", "abc")
    with pytest.raises(PedecgError, match="the download failed"):
        download.fetch("http://127.0.0.1:9/weights.bin", tmp_path / "weights.bin")
    assert list(tmp_path.iterdir()) == []


def fetch_weights(*arguments):
    return CliRunner().invoke(cli.app, ["fetch", "weights", *map(str, arguments)])


def test_fetched_weights_come_with_licence_hash_and_what_the_hash_proves(server, tmp_path):
    first = fetch_weights("ecgfounder", "--to", tmp_path, "--url", server.url)
    path = tmp_path / "ecgfounder" / "12_lead_ECGFounder.pth"
    assert first.stdout == f"ecgfounder: licence MIT\n{path}\nsha256 {SHA256}\n"
    assert "The publisher states no hash" in first.stderr
    assert path.read_bytes() == BODY
    checked = fetch_weights("ecgfounder", "--to", tmp_path, "--url", server.url, "--sha256", SHA256)
    assert checked.exit_code == 0
    assert checked.stderr == ""


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("hubert_ecg_base", "https://huggingface.co/Edoardo-BS/hubert-ecg-base/resolve/main/model"),
        ("st_mem", "https://drive.usercontent.google.com/download?id="),
    ],
)
def test_weights_are_fetched_from_their_publisher(network, address, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(download, "fetch", lambda url, *_, **__: asked.append(url) or SHA256)
    assert "not for commercial use" in fetch_weights(network, "--to", tmp_path).stdout
    assert asked[0].startswith(address)


def test_an_unknown_network_is_one_line():
    fault = fetch_weights("ecgfinder").exception
    assert str(fault) == "ecgfinder: no network with released weights; did you mean ecgfounder?"
