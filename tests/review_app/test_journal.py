"""No confirmed answer is lost, whatever happens to the process."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pedecg.core.errors import PedecgError
from pedecg.review_app.journal import Entry, Journal, read


def entry(number: int, reader: str = "Anna") -> Entry:
    return Entry(
        0, "2026-01-01T00:00:00Z", "answer", reader, f"r{number}", "chd",
        answers={"chd": "present"}, given={"chd": 1}, reason="Ω, \"quoted\"\nand more",
    )  # fmt: skip


def test_what_was_appended_is_read_again(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")
    saved = [journal.append(entry(n)) for n in range(3)]
    journal.close()
    assert [one.id for one in saved] == [1, 2, 3]
    assert list(read(tmp_path / "j.jsonl")) == saved == Journal(tmp_path / "j.jsonl").entries


def test_an_answer_is_on_the_disk_before_it_is_confirmed(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "j.jsonl")
    events = []
    write, sync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda *given: events.append("write") or write(*given))
    monkeypatch.setattr(os, "fsync", lambda file: events.append("fsync") or sync(file))
    journal.append(entry(1))
    assert events == ["write", "fsync"]
    assert [one.record_id for one in journal.entries] == ["r1"]


@pytest.mark.parametrize("kill_after", [1, 7, 40])
def test_kill_9_loses_no_confirmed_answer(tmp_path, kill_after):
    path = tmp_path / "j.jsonl"
    command = [sys.executable, str(Path(__file__).with_name("killed_reader.py")), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        confirmed = [int(process.stdout.readline()) for _ in range(kill_after)]
        os.kill(process.pid, signal.SIGKILL)
        confirmed += [int(line) for line in process.stdout]
    kept = Journal(path).entries
    assert [one.id for one in kept][: len(confirmed)] == confirmed
    assert len(kept) <= len(confirmed) + 1, "at most the one that was being written"


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_was_cut_short_is_removed_and_the_review_goes_on(tmp_path, cut):
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.append(entry(1))
    journal.append(entry(2))
    journal.close()
    path.write_bytes(path.read_bytes()[:-cut])
    assert [one.id for one in read(path)] == [1], "reading alone changes nothing"
    again = Journal(path)
    assert again.cut > 0
    assert again.append(entry(3)).id == 2
    again.close()
    assert [one.record_id for one in read(path)] == ["r1", "r3"]


def test_two_programs_cannot_write_to_one_journal(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")
    with pytest.raises(PedecgError, match="another `pedecg review` has it open"):
        Journal(tmp_path / "j.jsonl")
    journal.close()
    Journal(tmp_path / "j.jsonl").close()


def test_threads_append_whole_lines_with_different_ids(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")

    def work(reader):
        for n in range(20):
            journal.append(entry(n, reader))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("Anna", "Ben", "Cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.id for one in read(tmp_path / "j.jsonl")] == list(range(1, 61))


def test_after_a_failed_write_nothing_more_is_accepted(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(entry(1))

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(PedecgError, match="not saved"):
        journal.append(entry(2))
    monkeypatch.undo()
    with pytest.raises(PedecgError, match="an earlier write failed"):
        journal.append(entry(3))
    assert [one.record_id for one in journal.entries] == ["r1"]


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: no entry of a review"),
        ('{"id": 2}', "line 2: no entry of a review"),
        ('{"id": 1}', "line 2: no entry"),
        ("SAME", "line 2: id 1 after 1"),
        ("KIND", "line 2: unknown kind or answer"),
        ("FIELD", "line 2: unknown field 'colour'"),
    ],
)
def test_a_damaged_journal_is_named_with_its_line(tmp_path, line, reported):
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.append(entry(1))
    journal.close()
    first = json.loads(path.read_text())
    made = {
        "SAME": first,
        "KIND": {**first, "id": 2, "answers": {"chd": "perhaps"}},
        "FIELD": {**first, "id": 2, "colour": "red"},
    }
    with path.open("a") as file:
        file.write((json.dumps(made[line]) if line in made else line) + "\n")
    with pytest.raises(PedecgError) as fault:
        Journal(path)
    assert reported in str(fault.value)
    assert "\n" not in str(fault.value)
    path.write_text("")
    Journal(path).close()  # the lock was given up


def test_a_missing_journal_is_named(tmp_path):
    with pytest.raises(PedecgError, match="not found"):
        list(read(tmp_path / "none.jsonl"))
