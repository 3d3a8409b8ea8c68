"""The journal of a review: one line of JSON per action, appended and never changed.

A line is written with one system call and flushed to the disk (``fsync``) before the reader
sees that the decision is saved: a crash at any moment loses no confirmed decision. A line that a
crash cut short was never confirmed; it is removed when the journal is opened again.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pedecg.core.errors import PedecgError

Kind = Literal["answer", "skip", "undo"]
Answer = Literal["present", "absent", "uncertain", "unreadable"]
ANSWERS: tuple[str, ...] = get_args(Answer)


@dataclass(frozen=True)
class Entry:
    """One action of one reader.

    Attributes
    ----------
    id : 1, 2, … in the order of the journal.
    time : UTC, ISO 8601.
    label : the target that was asked about; `answers` may hold further targets of the record.
    given : recorded label of each target in `answers` when it was answered; None where unknown.
    blinded : the recorded label, the model's probability and other readers' answers were hidden
        from the reader until this answer was saved.
    consensus : given in the consensus round, with the readers' answers in view.
    undoes : id of the answer or skip that an undo withdraws.
    seconds : from showing the ECG to the answer.
    version : of pedecg.
    """

    id: int
    time: str
    kind: Kind
    reader: str
    record_id: str
    label: str
    rank: int | None = None
    patient_id: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, int | None] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    reason: str = ""
    blinded: bool = False
    consensus: bool = False
    undoes: int | None = None
    seconds: float | None = None
    version: str = ""


class ConflictError(Exception):
    """Somebody wrote to the same case since the page was loaded."""


class Journal:
    """An open journal; this process holds its lock until `close`.

    `entries` are those that are safely on the disk.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises
        ------
        PedecgError
            Another process has it open, or a line is not an entry.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise PedecgError(
                f"{path}: another `pedecg review` has it open; close that one, or name another "
                "--journal"
            ) from None
        try:
            self.cut = _remove_unfinished_line(self._file)
            if new:
                _sync_folder(path.parent)
            self.entries: list[Entry] = list(read(path))
        except BaseException:
            os.close(self._file)
            raise
        self._lock = threading.Lock()
        self._failed = False

    def append(self, entry: Entry) -> Entry:
        """Write an entry with the next id; when this returns, it is on the disk.

        Raises
        ------
        PedecgError
            The disk refused it, now or before: nothing more is accepted, since the file may end
            in half a line.
        """
        with self._lock:
            if self._failed:
                raise PedecgError(f"{self.path}: an earlier write failed; restart the review")
            numbered = Entry(**{**vars(entry), "id": self._next_id()})
            line = json.dumps(asdict(numbered), ensure_ascii=False, allow_nan=False) + "\n"
            data = line.encode("utf-8")
            try:
                if os.write(self._file, data) != len(data):
                    raise OSError("disk full")
                os.fsync(self._file)
            except OSError as error:
                self._failed = True
                raise PedecgError(f"{self.path}: not saved ({error})") from None
            self.entries.append(numbered)
            return numbered

    def close(self) -> None:
        """Give up the lock; nothing can be appended any more."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def _next_id(self) -> int:
        return self.entries[-1].id + 1 if self.entries else 1


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a journal in order; a last line without an end is left out.

    Raises
    ------
    PedecgError
        In one line: the file is absent, or which line is not an entry and why.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; `pedecg review` writes it") from None
    last = 0
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        entry = _parse(line, f"{path} line {number}")
        if entry.id <= last:
            raise PedecgError(f"{path} line {number}: id {entry.id} after {last}; expected higher")
        last = entry.id
        yield entry


def _parse(line: bytes, place: str) -> Entry:
    try:
        values: Any = json.loads(line)
    except ValueError:
        raise PedecgError(f"{place}: not JSON; restore the file from git") from None
    fields = Entry.__dataclass_fields__
    required = ("id", "time", "kind", "reader", "record_id", "label")
    if not isinstance(values, dict) or any(name not in values for name in required):
        raise PedecgError(f"{place}: no entry of a review; expected {', '.join(required)}")
    unknown = next((name for name in values if name not in fields), None)
    if unknown is not None:
        raise PedecgError(f"{place}: unknown field {unknown!r}; written by a newer version?")
    wrong = next((a for a in values.get("answers", {}).values() if a not in ANSWERS), None)
    if values["kind"] not in get_args(Kind) or wrong is not None:
        raise PedecgError(f"{place}: unknown kind or answer ({wrong or values['kind']!r})")
    return Entry(**{**values, "findings": tuple(values.get("findings", ()))})


def _remove_unfinished_line(file: int) -> int:
    """Remove what follows the last line end and return its number of bytes."""
    size = os.fstat(file).st_size
    data = os.pread(file, size, 0)
    end = data.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(file, end)
        os.fsync(file)
    return size - end


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a crash, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
