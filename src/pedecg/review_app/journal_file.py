"""A file of JSON lines that is appended to and never changed, safe against a crash.

A line is written with one system call and flushed to the disk (``fsync``) before the reader
sees that the action is saved: a crash at any moment loses no confirmed action. A line that a
crash cut short was never confirmed; it is removed when the file is opened again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pedecg.core.errors import PedecgError


class ConflictError(Exception):
    """Somebody wrote to the same case or record since the page was loaded."""


class JournalFile:
    """An open file; this process holds its lock until `close`.

    Attributes
    ----------
    cut : bytes of a line that was never confirmed, which were removed when the file was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises
        ------
        PedecgError
            Another process has it open.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._failed = False
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
        except BaseException:
            os.close(self._file)
            raise

    def append(self, values: Mapping[str, Any]) -> None:
        """Write one line; when this returns, it is on the disk.

        Raises
        ------
        PedecgError
            The disk refused it, now or before: nothing more is accepted, since the file may end
            in half a line.
        """
        if self._failed:
            raise PedecgError(f"{self.path}: an earlier write failed; restart the review")
        line = json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"
        data = line.encode("utf-8")
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("disk full")
            os.fsync(self._file)
        except OSError as error:
            self._failed = True
            raise PedecgError(f"{self.path}: not saved ({error})") from None

    def close(self) -> None:
        """Give up the lock; nothing can be appended any more."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def read(path: Path, required: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and values of each line in order; a last line without an end is left out.

    Parameters
    ----------
    required : keys that each line has, ``id`` among them, which rises from line to line.

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
        place = f"{path} line {number}"
        try:
            values: Any = json.loads(line)
        except ValueError:
            raise PedecgError(f"{place}: not JSON; restore the file from git") from None
        if not isinstance(values, dict) or any(name not in values for name in required):
            raise PedecgError(f"{place}: no entry of a review; expected {', '.join(required)}")
        if not isinstance(values["id"], int) or values["id"] <= last:
            raise PedecgError(f"{place}: id {values['id']} after {last}; expected higher")
        last = values["id"]
        yield place, values


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
