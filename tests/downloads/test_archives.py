"""An archive is unpacked whole and inside its folder, or nothing of it is in its place."""

import contextlib
import hashlib
import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import namedtuple
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import local_server
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.downloads import archives, data_sets, fetch_data_set, http_file

FILES = {
    "records/a.dat": np.random.default_rng(2).bytes(70_000),
    "records/b/c.hea": b"c 1 500 10\n",
    "table.csv": b"record,label\n" + b"a,1\n" * 3000,
}
KINDS = ("zip", "tar.gz", "tgz", "tar")


def packed(kind: str, files=FILES) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("records/", b"")
            for name, content in files.items():
                made.writestr(name, content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz" if "g" in kind else "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def everything(folder) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_comes_out_whole_and_the_archive_stays(tmp_path, kind):
    archive = tmp_path / f"x.{kind}"
    content = packed(kind)
    archive.write_bytes(content)
    assert archives.is_archive(archive.name)
    found = archives.unpack(archive, tmp_path)
    assert [path.as_posix() for path in found] == sorted(FILES)
    assert everything(tmp_path) == FILES | {archive.name: content}
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")]
    assert (tmp_path / "table.csv").stat().st_mode & 0o777 == 0o644


def refused(folder, name: str, content: bytes, match: str, kept=()):
    """Check that an archive is refused in one line and that nothing of it is there."""
    (folder / "in").mkdir(exist_ok=True)
    archive = folder / "in" / name
    archive.write_bytes(content)
    before = everything(folder)
    with pytest.raises(PedecgError, match=match) as fault:
        archives.unpack(archive, folder / "in", kept)
    assert "\n" not in str(fault.value)
    assert everything(folder) == before
    assert [entry.name for entry in (folder / "in").iterdir()] == [name]
    archive.unlink()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("path", ["../x", "/tmp/x", "a/../../x", "a\\..\\x", "C:/x", "a\nb", "."])
def test_a_path_out_of_the_folder_is_refused_before_any_file(tmp_path, kind, path):
    refused(tmp_path, f"x.{kind}", packed(kind, FILES | {path: b"1"}), "a path out of its folder")


def test_links_and_devices_are_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a", b"1")
        link = zipfile.ZipInfo("out")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc")
    refused(tmp_path, "x.zip", buffer.getvalue(), "holds a link or device, 'out'")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo("out")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        refused(tmp_path, "x.tar.gz", buffer.getvalue(), "link or device")


def test_a_link_in_the_folder_itself_is_no_way_out(tmp_path):
    """An archive cannot make a link; one that a user has made is followed, as by any program."""
    (tmp_path / "data").mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "records").symlink_to(tmp_path / "data")
    (tmp_path / "x" / "x.zip").write_bytes(packed("zip"))
    archives.unpack(tmp_path / "x" / "x.zip", tmp_path / "x")
    assert (tmp_path / "data" / "a.dat").read_bytes() == FILES["records/a.dat"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_far_more_bytes_than_any_ecg_shrinks_to_are_refused(tmp_path, kind):
    bomb = packed(kind, {"a": b"\0" * 50_000_000})
    refused(tmp_path, f"x.{kind}", bomb, r"50,000,000 bytes unpacked, .* refused above 200")


def test_a_member_that_is_longer_than_it_states_is_refused(tmp_path):
    whole = bytearray(packed("zip", {"a": b"x" * 5000}))
    for at in (whole.rfind(b"PK\3\4") + 22, whole.rfind(b"PK\1\2") + 24):
        struct.pack_into("<I", whole, at, 100)
    refused(tmp_path, "x.zip", bytes(whole), "broken archive|longer than stated")


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(http_file.shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    refused(tmp_path, "x.zip", packed("zip"), r"0\.0 GB free")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_what_must_stay_is_not_replaced(tmp_path, kind):
    content = packed(kind)
    refused(tmp_path, f"x.{kind}", content, "would replace table.csv", ["table.csv", "SOURCE.txt"])


def test_the_same_path_twice_and_nothing_at_all_are_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for _ in range(2):
            tar.addfile(tarfile.TarInfo("a"))
    refused(tmp_path, "x.tar.gz", buffer.getvalue(), "a path twice")
    refused(tmp_path, "x.zip", packed("zip", {}), "holds no file")


def test_an_encrypted_archive_says_so(tmp_path):
    whole = bytearray(packed("zip", {"a": b"123"}))
    for at in (whole.rfind(b"PK\3\4") + 6, whole.rfind(b"PK\1\2") + 8):
        whole[at] |= 1
    refused(tmp_path, "x.zip", bytes(whole), "is encrypted; unpack it by hand")


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_archive_gives_the_same_files_or_one_line_and_none(tmp_path, kind, data):
    whole = bytearray(packed(kind))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    archive = folder / f"x.{kind}"
    archive.write_bytes(whole)
    before = everything(folder)
    found = []
    with contextlib.suppress(PedecgError):
        found = archives.unpack(archive, folder)
    after = everything(folder)
    assert len(after) == len(before) + len(found)
    if kind != "tar":  # which has no checksum of contents, and is published by nobody here
        for path in found:
            assert after[path.as_posix()] in FILES.values()


@pytest.fixture
def split(tmp_path):
    """A zip in parts of 64 kB, as Info-ZIP writes it."""
    source, folder = tmp_path / "source", tmp_path / "in"
    folder.mkdir()
    for name, content in (FILES | {"records/d.dat": os.urandom(200_000)}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    try:
        subprocess.run(
            ["zip", "-q", "-r", "-s", "64k", str(folder / "x.zip"), "."], cwd=source, check=True
        )
    except FileNotFoundError:
        pytest.skip("the program zip is not installed")
    return source, folder


def test_a_split_zip_is_joined(split):
    source, folder = split
    assert len(list(folder.glob("x.z*"))) == 5
    found = archives.unpack(folder / "x.zip", folder)
    for path in found:
        assert (folder / path).read_bytes() == (source / path).read_bytes()
    assert len(found) == 4


def test_a_part_that_is_not_there_is_named(split):
    _, folder = split
    (folder / "x.z02").unlink()
    with pytest.raises(PedecgError, match=r"part \.z02 of it is not there"):
        archives.unpack(folder / "x.zip", folder)


@pytest.mark.slow
def test_a_killed_unpacking_leaves_nothing_under_a_final_name_and_the_next_cleans_up(tmp_path):
    archive = tmp_path / "x.zip"
    content = packed("zip")
    archive.write_bytes(content)
    code = (
        "import os, sys, pathlib; from pedecg.downloads import archives; "
        "archives._place = lambda *_: os.kill(os.getpid(), 9); "
        "archives.unpack(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]).parent)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(archive)], check=False)
    assert done.returncode == -9
    left = [entry for entry in tmp_path.iterdir() if entry != archive]
    assert len(left) == 1
    assert left[0].name.startswith(".")
    archives.unpack(archive, tmp_path)
    assert everything(tmp_path) == FILES | {"x.zip": content}


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def published(tmp_path):
    """A data set with an archive at a server, as PhysioNet publishes one; returns its address."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "training.zip").write_bytes(packed("zip"))
    (folder / "README").write_bytes(b"read me")
    write_sums(folder)
    handler = type("Handler", (Files,), {})

    def serve(*arguments):
        return handler(*arguments, directory=str(folder))

    with local_server.running(ThreadingHTTPServer(("127.0.0.1", 0), serve)) as server:
        yield folder, f"http://127.0.0.1:{server.server_port}/"


def write_sums(folder) -> None:
    names = ("training.zip", "README")
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()} {n}\n" for n in names]
    (folder / "SHA256SUMS.txt").write_text("".join(lines))


def test_a_data_sets_archives_are_unpacked_once_and_again_where_a_file_is_gone(published, tmp_path):
    _, address = published
    data_set = data_sets.read("cinc2017")
    folder, lines = tmp_path / "cinc2017", []

    def fetch(**more):
        lines.clear()
        return fetch_data_set.fetch(
            "cinc2017", data_set, folder, base=[address], say=lines.append, **more
        )

    assert fetch(unpack=False) == fetch_data_set.Fetched(2, 0, 0)
    assert not (folder / "table.csv").exists()
    assert fetch() == fetch_data_set.Fetched(2, 0, 3)
    assert lines[-1] == "unpack training.zip"
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert fetch().unpacked == 3
    assert "unpack training.zip" not in lines
    (folder / "records" / "a.dat").unlink()
    assert fetch().unpacked == 3
    assert (folder / "records" / "a.dat").read_bytes() == FILES["records/a.dat"]
    listed = (folder / fetch_data_set.UNPACKED).read_text().splitlines()
    assert len(listed) == 4
    assert listed[1].startswith("training.zip,")


def test_an_archive_cannot_replace_the_licence_or_a_fetched_file(published, tmp_path):
    folder, address = published
    for name in ("SOURCE.txt", "README", "fetched.csv"):
        (folder / "training.zip").write_bytes(packed("zip", {name: b"mine"}))
        write_sums(folder)
        to = tmp_path / name
        with pytest.raises(PedecgError, match=f"would replace {name}"):
            fetch_data_set.fetch(
                "cinc2017", data_sets.read("cinc2017"), to, base=[address], say=str
            )


def test_the_command_unpacks_unless_told_not_to(published, tmp_path):
    _, address = published
    command = ["fetch", "cinc2017", "--to", str(tmp_path / "to"), "--mirror", address]
    done = CliRunner().invoke(cli.app, [*command, "--no-unpack"])
    assert done.exit_code == 0, done.output
    assert "unpacked" not in done.stdout
    done = CliRunner().invoke(cli.app, command)
    assert "3 files unpacked from archives" in done.stdout
