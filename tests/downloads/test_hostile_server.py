"""Downloads from a server that cuts, lies, refuses and drips: whole files or none, and resumed."""

import hashlib
import json
import subprocess
import sys
import time
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import local_server
import numpy as np
import pytest
from typer.testing import CliRunner

from pedecg import cli
from pedecg.cohorts import code_vocabularies
from pedecg.core.errors import PedecgError
from pedecg.downloads import data_sets, fetch_data_set, http_file, listings

BODY = np.random.default_rng(1).bytes(400_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves files by path with ranges.

    Attributes
    ----------
    files : content by path.
    etag : validator; None: none is sent.
    cut_after : bytes of a body after which the connection is closed; None: never.
    answers : statuses to answer with before anything is served, one per request.
    retry_after : of those answers.
    ranges : Range headers that came, None where there was none.
    lies : a function of the headers to send, to change them.
    drip_s : pause after each 1,000 bytes.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/f.bin": BODY}
        self.etag, self.cut_after, self.answers, self.retry_after = '"v1"', None, [], None
        self.ranges, self.lies, self.drip_s = [], None, 0.0

    @property
    def root(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self):
        return f"{self.root}/f.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, path = self.server, self.path.partition("?")[0]
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.answers:
            self.send_response(server.answers.pop(0))
            if server.retry_after is not None:
                self.send_header("Retry-After", server.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path not in server.files:
            self.send_error(404)
            return
        body, first, status = server.files[path], 0, 200
        if asked and self.headers.get("If-Range") == server.etag:
            first, status = int(asked[6:-1]), 206
        if first >= len(body):
            self.send_response(416)
            self.end_headers()
            return
        headers = {"Content-Length": str(len(body) - first)}
        if server.etag is not None:
            headers["ETag"] = server.etag
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        if server.lies:
            status, headers = server.lies(status, headers)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        rest = body[first:]
        try:
            for at in range(0, len(rest[: server.cut_after]), 1000):
                self.wfile.write(rest[at : at + 1000][: (server.cut_after or len(rest)) - at])
                time.sleep(server.drip_s)
        except OSError:
            pass  # the client has gone, as it should

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(http_file, "_PAUSE_S", 0.0)
    with local_server.running(Server()) as answering:
        yield answering


def refused(server, path, match, **arguments):
    """Check that a download fails in one line and that no file has its final name."""
    with pytest.raises(PedecgError, match=match) as fault:
        http_file.fetch(server.url, path, **arguments)
    assert "\n" not in str(fault.value)
    assert not path.exists()


def test_a_cut_transfer_is_continued_where_it_broke_off(server, tmp_path):
    server.cut_after = 150_000
    assert http_file.fetch(server.url, tmp_path / "f.bin", SHA256) == SHA256
    assert server.ranges == [None, "bytes=150000-", "bytes=300000-"]
    assert [file.name for file in tmp_path.iterdir()] == ["f.bin"]


def test_the_next_call_continues_what_an_earlier_one_began(server, tmp_path):
    path = tmp_path / "f.bin"
    server.cut_after = 10_000
    refused(server, path, "the next call continues it", checksum=SHA256)
    server.cut_after = None
    assert http_file.fetch(server.url, path, SHA256) == SHA256
    assert server.ranges[-1] == f"bytes={http_file.ATTEMPTS * 10_000}-"


def test_another_version_of_the_file_starts_from_the_beginning(server, tmp_path):
    path = tmp_path / "f.bin"
    server.cut_after = 10_000
    refused(server, path, "cut off")
    new = BODY[::-1]
    server.files["/f.bin"], server.etag, server.cut_after = new, '"v2"', None
    assert http_file.fetch(server.url, path) == hashlib.sha256(new).hexdigest()


def test_a_damaged_part_is_found_by_the_checksum_and_thrown_away(server, tmp_path):
    path = tmp_path / "f.bin"
    server.cut_after = 10_000
    refused(server, path, "cut off")
    (part,) = tmp_path.glob(".f.bin.part")
    part.write_bytes(b"\0" * part.stat().st_size)
    server.cut_after = None
    refused(server, path, "sha256 does not match", checksum=SHA256)
    assert http_file.fetch(server.url, path, SHA256) == SHA256


def test_a_part_longer_than_the_file_starts_from_the_beginning(server, tmp_path):
    path = tmp_path / "f.bin"
    server.cut_after = 10_000
    refused(server, path, "cut off")
    (part,) = tmp_path.glob(".f.bin.part")
    part.write_bytes(BODY + b"more")
    server.cut_after = None
    assert http_file.fetch(server.url, path, SHA256) == SHA256


@pytest.mark.parametrize(
    "content_range", ["bytes 0-9/10", "bytes 200000-399999/400000", "nonsense", ""]
)
def test_another_part_than_asked_is_not_joined(server, tmp_path, content_range):
    path = tmp_path / "f.bin"
    server.cut_after = 10_000
    refused(server, path, "cut off")
    server.cut_after = None

    def lie(status, headers):
        if status == 206:
            headers["Content-Range"] = content_range
        return status, headers

    server.lies = lie
    assert http_file.fetch(server.url, path, SHA256) == SHA256


def test_a_size_that_is_not_the_published_one_is_refused(server, tmp_path):
    refused(server, tmp_path / "f.bin", "400000 bytes; expected 5", size=5)


def test_an_unasked_compression_is_refused(server, tmp_path):
    server.lies = lambda status, headers: (status, headers | {"Content-Encoding": "gzip"})
    refused(server, tmp_path / "f.bin", "compressed, unasked")


def test_md5_is_checked_where_it_is_what_is_published(server, tmp_path):
    assert http_file.fetch(server.url, tmp_path / "f.bin", f"md5:{MD5}") == SHA256
    refused(server, tmp_path / "g.bin", "md5 does not match", checksum=f"md5:{'0' * 32}")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(server, tmp_path, status):
    server.answers, server.retry_after = [status, status], "1"
    start = time.monotonic()
    assert http_file.fetch(server.url, tmp_path / "f.bin", SHA256) == SHA256
    assert time.monotonic() - start >= 2


def test_a_server_that_stays_busy_or_asks_for_an_hour_is_one_line(server, tmp_path):
    server.answers = [429] * http_file.ATTEMPTS
    refused(server, tmp_path / "f.bin", "busy .429 Too Many Requests.; try again later")
    server.answers, server.retry_after = [429], "3600"
    start = time.monotonic()
    refused(server, tmp_path / "f.bin", "try again later", time_limit_s=60)
    assert time.monotonic() - start < 5


def test_a_mirror_is_asked_where_the_first_address_fails(server, tmp_path):
    addresses = [f"{server.root}/absent.bin", "http://127.0.0.1:9/f.bin", server.url]
    assert http_file.fetch(addresses, tmp_path / "f.bin", SHA256) == SHA256
    with pytest.raises(PedecgError, match=r"404 Not Found; .*the download failed"):
        http_file.fetch(addresses[:2], tmp_path / "g.bin", SHA256)


def test_a_mirror_with_other_bytes_is_passed_over(server, tmp_path):
    server.files["/wrong.bin"] = b"other"
    addresses = [f"{server.root}/wrong.bin", server.url]
    assert http_file.fetch(addresses, tmp_path / "f.bin", SHA256) == SHA256


def test_a_slow_body_ends_at_the_limit_and_the_next_call_continues(server, tmp_path):
    path = tmp_path / "f.bin"
    server.drip_s = 0.02
    start = time.monotonic()
    refused(server, path, r"not complete after 0\.5 s.*the next call continues", time_limit_s=0.5)
    assert time.monotonic() - start < 5
    server.drip_s = 0.0
    assert http_file.fetch(server.url, path, SHA256) == SHA256
    assert server.ranges[-1] is not None


def test_the_disk_is_looked_at_before_anything_is_written(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(http_file.shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    refused(server, tmp_path / "f.bin", r"0\.0 GB free; expected 0\.1 GB")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.slow
def test_two_processes_fetch_one_file_once(server, tmp_path):
    server.drip_s = 0.002
    code = (
        "import sys; from pedecg.downloads import http_file; "
        "print(http_file.fetch(sys.argv[1], sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, server.url, str(tmp_path / "f.bin")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in running] == [SHA256] * 2
    assert len(server.ranges) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["f.bin"]


@pytest.mark.slow
def test_a_killed_download_is_continued_by_the_next(server, tmp_path):
    server.drip_s = 0.005
    path, part = tmp_path / "f.bin", tmp_path / ".f.bin.part"
    code = "import sys; from pedecg.downloads import http_file; http_file.fetch(*sys.argv[1:])"
    running = subprocess.Popen([sys.executable, "-c", code, server.url, str(path)])
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert not path.exists()
    arrived = part.stat().st_size
    assert 0 < arrived < len(BODY)
    server.drip_s = 0.0
    assert http_file.fetch(server.url, path, SHA256) == SHA256
    assert server.ranges[-1] == f"bytes={arrived}-"
    assert [file.name for file in tmp_path.iterdir()] == ["f.bin"]


@pytest.fixture
def small_set(server):
    """A data set of two files at the server, in PhysioNet's form."""
    table = b"a,b\n1,2\n"
    sums = f"{SHA256}  records/f.bin\n{hashlib.sha256(table).hexdigest()} table.csv\n"
    server.files = {
        "/set/SHA256SUMS.txt": sums.encode(),
        "/set/records/f.bin": BODY,
        "/set/table.csv": table,
    }
    one = data_sets.read("ptb-xl")
    listing = data_sets.Listing(kind="sha256sums", urls=[f"{server.root}/set/SHA256SUMS.txt"])
    return one.model_copy(update={"listing": listing, "base": [f"{server.root}/set/"]})


def test_a_data_set_comes_whole_with_its_licence_and_checksums(small_set, tmp_path, server):
    folder, lines = tmp_path / "ptb-xl", []
    done = fetch_data_set.fetch("ptb-xl", small_set, folder, say=lines.append)
    assert done == fetch_data_set.Fetched(2, 0)
    assert (folder / "records" / "f.bin").read_bytes() == BODY
    source = (folder / fetch_data_set.SOURCE).read_text()
    assert "licence: CC BY 4.0" in source
    assert "10.13026/kfzx-aw45" in source
    assert f"records/f.bin,{SHA256},sha256" in (folder / fetch_data_set.CHECKSUMS).read_text()
    assert lines == ["2 files, sizes not published", "1/2 records/f.bin", "2/2 table.csv"]
    n_requests = len(server.ranges)
    fetch_data_set.fetch("ptb-xl", small_set, folder, say=lines.append)
    assert len(server.ranges) == n_requests + 1  # the list alone


def test_a_file_of_the_set_that_was_altered_is_refused_and_kept(small_set, tmp_path):
    folder = tmp_path / "ptb-xl"
    fetch_data_set.fetch("ptb-xl", small_set, folder, say=str)
    (folder / "table.csv").write_text("mine")
    with pytest.raises(PedecgError, match=r"table.csv: sha256 is"):
        fetch_data_set.fetch("ptb-xl", small_set, folder, say=str)
    assert (folder / "table.csv").read_text() == "mine"


def test_some_files_of_a_set_are_chosen_by_pattern(small_set, tmp_path):
    done = fetch_data_set.fetch("ptb-xl", small_set, tmp_path, only=["records/*"], say=str)
    assert done.files == 1
    assert not (tmp_path / "table.csv").exists()
    with pytest.raises(PedecgError, match="no file fits x"):
        fetch_data_set.fetch("ptb-xl", small_set, tmp_path, only=["x"], say=str)


def test_a_checksum_that_the_registry_knows_is_held_against_the_list_and_the_file(
    small_set, tmp_path, server
):
    right = small_set.model_copy(update={"checksums": {"records/f.bin": f"md5:{MD5}"}})
    assert fetch_data_set.fetch("ptb-xl", right, tmp_path / "a", say=str).unchecked == 0
    for known in (f"sha256:{'0' * 64}", f"md5:{'0' * 32}"):
        wrong = small_set.model_copy(update={"checksums": {"records/f.bin": known}})
        with pytest.raises(PedecgError, match=r"another version|md5 does not match"):
            fetch_data_set.fetch("ptb-xl", wrong, tmp_path / known[:3], say=str)
        assert not (tmp_path / known[:3] / "records" / "f.bin").exists()


def test_a_login_page_in_place_of_the_list_is_one_line(small_set, tmp_path, server):
    server.files["/set/SHA256SUMS.txt"] = b"<!DOCTYPE html><p>log in"
    with pytest.raises(PedecgError, match="sent a web page"):
        fetch_data_set.fetch("ptb-xl", small_set, tmp_path, say=str)


def test_the_command_fetches_from_a_mirror_and_shows_the_licence(small_set, tmp_path, server):
    done = CliRunner().invoke(
        cli.app, ["fetch", "ptb-xl", "--to", str(tmp_path), "--mirror", f"{server.root}/set"]
    )
    assert done.exit_code == 0, done.output
    assert "licence: CC BY 4.0" in done.stdout
    assert f"2 files in {tmp_path / 'ptb-xl'}" in done.stdout


def test_an_unknown_data_set_is_one_line_and_the_list_names_all():
    fault = CliRunner().invoke(cli.app, ["fetch", "ptbxl"]).exception
    assert str(fault) == "ptbxl: no such data set; did you mean ptb-xl?"
    shown = CliRunner().invoke(cli.app, ["fetch", "list"]).stdout
    assert all(name in shown for name in data_sets.names())


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "..\\x"])
def test_a_list_cannot_name_a_path_out_of_the_folder(path):
    text = f"{SHA256}  {path}\n"
    with pytest.raises(PedecgError, match="out of the data set's folder"):
        listings.parse("sha256sums", text, "http://x/SHA256SUMS.txt", ["http://x/"])


def test_lists_of_each_publisher_are_read():
    zenodo = {"files": [{"key": "a b.zip", "size": 5, "checksum": f"md5:{MD5}"}]}
    (one,) = listings.parse("zenodo", json.dumps(zenodo), "u", ["http://x/files/"])
    assert one == listings.RemoteFile(
        "a b.zip", ("http://x/files/a%20b.zip/content",), f"md5:{MD5}", 5
    )
    figshare = [{"name": "c.zip", "size": 7, "computed_md5": MD5, "download_url": "http://y/7"}]
    (one,) = listings.parse("figshare", json.dumps(figshare), "u", [])
    assert one == listings.RemoteFile("c.zip", ("http://y/7",), f"md5:{MD5}", 7)
    for kind, text in (("zenodo", "[]"), ("figshare", "{}"), ("sha256sums", "no sums")):
        with pytest.raises(PedecgError, match=r"not a list of files|lists no file"):
            listings.parse(kind, text, "u", [])


@pytest.mark.parametrize("name", data_sets.names())
def test_every_entry_of_the_registry_is_complete_and_shows_what_is_unknown(name):
    one = data_sets.read(name)
    shown = fetch_data_set.described(name, one)
    unknown = [one.doi, one.paper, one.licence].count(None)
    assert shown.count("unknown here; see https://") == unknown
    assert all(url.startswith("https://") for url in (*one.listing.urls, *one.base, one.address))
    assert one.doi is None or one.doi.startswith("10.")
    assert one.base or one.listing.kind == "figshare"


def test_the_registry_agrees_with_what_is_known_of_zzu_pecg():
    """The two code tables are part of this project, unchanged."""
    known = data_sets.read("zzu-pecg").checksums
    codes = Path(code_vocabularies.__file__).parent / "codes"
    for name, file in (("ECGCode.csv", "ecg_codes.csv"), ("DiseaseCode.csv", "disease_codes.csv")):
        assert known[name] == f"md5:{hashlib.md5((codes / file).read_bytes()).hexdigest()}"
