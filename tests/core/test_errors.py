"""A fault of the run is one line; a stage ends in good order, and with DVC."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pedecg.core import atomic_files, errors, folder_hashes
from pedecg.core.errors import PedecgError

FAULTS = [
    (PedecgError("a: b"), "error: a: b"),
    (OSError(28, "No space left on device", "/x/y"), "error: /x/y: No space left on device"),
    (PermissionError(13, "Permission denied", "z"), "error: z: Permission denied"),
    (OSError("cannot"), "error: cannot"),
    (MemoryError(), "error: out of memory"),
    (PedecgError("a\nb\u202e\x1b[2J"), "error: a b\\u202e\\x1b[2J"),
]
STAGE = """
import sys, time
from pathlib import Path
from pedecg.core import atomic_files, errors
def main():
    with atomic_files.replacing(Path(sys.argv[1])) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        time.sleep(60)
errors.one_line(main)
"""
STARTER = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {STAGE!r}, sys.argv[1]])
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize(("fault", "told"), FAULTS)
def test_a_fault_is_one_line(fault, told, capsys):
    def main():
        raise fault

    with pytest.raises(SystemExit) as caught:
        errors.one_line(main)
    assert caught.value.code == 1
    assert capsys.readouterr().err == f"{told}\n"


def test_a_fault_of_the_program_is_shown_whole():
    def main():
        raise KeyError("bug")

    with pytest.raises(KeyError):
        errors.one_line(main)


def test_sigterm_leaves_nothing_half_written(tmp_path):
    file = tmp_path / "out.csv"
    process = subprocess.Popen([sys.executable, "-c", STAGE, file], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_stage_that_dvc_started_ends_with_dvc(tmp_path):
    file = tmp_path / "out.csv"
    environment = {**os.environ, errors.STAGE: "split"}
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, file], stdout=subprocess.PIPE, env=environment
    )
    stage = int(starter.stdout.readline())
    assert starter.stdout.readline() == b"writing\n"
    starter.kill()
    starter.wait()
    until = time.monotonic() + 60
    while Path(f"/proc/{stage}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{stage}").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    abandoned = [tmp_path / f".out.{ended.pid}.abc.partial", tmp_path / f".out.{ended.pid}.partial"]
    abandoned[0].write_text("half")
    (abandoned[1] / "inside").mkdir(parents=True)
    living = [tmp_path / f".out.{os.getpid()}.abc.partial", tmp_path / ".output.1.partial"]
    for file in living:
        file.write_text("half")
    atomic_files.write_text("whole", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "out", *living])


def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "store"
    with atomic_files.replacing_folder(folder) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(ZeroDivisionError), atomic_files.replacing_folder(folder) as temporary:
        (temporary / "b").write_text(str(1 / 0))
    assert [file.name for file in folder.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    file = tmp_path / ("ä" * 125 + ".png")
    atomic_files.write_text("whole", file)
    assert file.read_text() == "whole"


def test_hashes_of_a_folder_show_every_change(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    folder_hashes.seal(tmp_path, ["b", "a"])
    folder_hashes.verify(tmp_path, ["a"])
    with pytest.raises(PedecgError, match="no hash of c"):
        folder_hashes.verify(tmp_path, ["c"])
    (tmp_path / "a").write_text("A")
    with pytest.raises(PedecgError, match=r"a: not the file that was saved"):
        folder_hashes.verify(tmp_path, ["a"])
    (tmp_path / "a").unlink()
    with pytest.raises(PedecgError, match="a: not found"):
        folder_hashes.verify(tmp_path, ["a"])


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"../a": "' + "0" * 64 + '"}', "[" * 9999])
def test_hashes_that_are_none_are_one_line(tmp_path, text):
    (tmp_path / folder_hashes.FILE).write_text(text)
    with pytest.raises(PedecgError, match="not a list of files"):
        folder_hashes.verify(tmp_path, [])
