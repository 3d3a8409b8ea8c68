"""The journal of a review: one line of JSON per action, appended and never changed."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pedecg.core.errors import PedecgError
from pedecg.review_app import journal_file

Kind = Literal["answer", "skip", "undo"]
Answer = Literal["present", "absent", "uncertain", "unreadable"]
ANSWERS: tuple[str, ...] = get_args(Answer)
_REQUIRED = ("id", "time", "kind", "reader", "record_id", "label")


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


class Journal:
    """An open journal; this process holds its lock until `close`.

    Attributes
    ----------
    entries : those that are safely on the disk.
    cut : bytes of a line that was never confirmed and was removed.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises
        ------
        PedecgError
            Another process has it open, or a line is not an entry.
        """
        self.path = path
        self._file = journal_file.JournalFile(path)
        self.cut = self._file.cut
        try:
            self.entries: list[Entry] = list(read(path))
        except BaseException:
            self._file.close()
            raise
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> Entry:
        """Write an entry with the next id; when this returns, it is on the disk.

        Raises
        ------
        PedecgError
            The disk refused it, now or before.
        """
        with self._lock:
            next_id = self.entries[-1].id + 1 if self.entries else 1
            numbered = Entry(**{**vars(entry), "id": next_id})
            self._file.append(asdict(numbered))
            self.entries.append(numbered)
            return numbered

    def close(self) -> None:
        """Give up the lock; nothing can be appended any more."""
        with self._lock:
            self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a journal in order; a last line without an end is left out.

    Raises
    ------
    PedecgError
        In one line: the file is absent, or which line is not an entry and why.
    """
    for place, values in journal_file.read(path, _REQUIRED):
        yield _parse(values, place)


def _parse(values: dict[str, Any], place: str) -> Entry:
    unknown = next((name for name in values if name not in Entry.__dataclass_fields__), None)
    if unknown is not None:
        raise PedecgError(f"{place}: unknown field {unknown!r}; written by a newer version?")
    wrong = next((a for a in values.get("answers", {}).values() if a not in ANSWERS), None)
    if values["kind"] not in get_args(Kind) or wrong is not None:
        raise PedecgError(f"{place}: unknown kind or answer ({wrong or values['kind']!r})")
    return Entry(**{**values, "findings": tuple(values.get("findings", ()))})
