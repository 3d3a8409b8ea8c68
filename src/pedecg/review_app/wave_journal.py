"""The journal of corrected waves, and the waves of each record that it comes to."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pedecg.core.errors import PedecgError
from pedecg.review_app import journal_file, wave_marks
from pedecg.review_app.wave_marks import Change, Wave, Waves

Kind = Literal["begin", "edit", "checked", "undo"]
_REQUIRED = ("id", "time", "kind", "reader", "record_id")


@dataclass(frozen=True)
class WaveEntry:
    """One action of one reader on the waves of a record.

    Attributes
    ----------
    kind : ``begin`` holds the delineator's waves, from which all that follows starts; ``checked``
        states that every wave of the record is right now.
    fs_hz, n_samples, waves : of ``begin``.
    changes : of ``edit``.
    undoes : id of the edit or check that an undo takes back.
    """

    id: int
    time: str
    kind: Kind
    reader: str
    record_id: str
    fs_hz: float | None = None
    n_samples: int | None = None
    waves: Mapping[str, Sequence[Wave]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    undoes: int | None = None
    version: str = ""


@dataclass
class MarkedRecord:
    """The waves of one record after all actions on it.

    Attributes
    ----------
    last_id : of the last entry; what a page was shown is current where it is the same.
    actions : edits and checks that are not undone.
    """

    record_id: str
    fs_hz: float
    n_samples: int
    waves: Waves
    last_id: int
    actions: list[WaveEntry] = field(default_factory=list)

    @property
    def checked(self) -> bool:
        """Whether a reader stated that all waves are right, and nobody changed one since."""
        return bool(self.actions) and self.actions[-1].kind == "checked"

    @property
    def readers(self) -> list[str]:
        """The names behind the standing actions, in the order of their first one."""
        return list(dict.fromkeys(action.reader for action in self.actions))


class MarkedRecords:
    """The state after all entries of a journal; `add` applies the next one."""

    def __init__(self, entries: Iterable[WaveEntry] = ()) -> None:
        self.by_id: dict[str, MarkedRecord] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: WaveEntry) -> None:
        """Apply one entry.

        Raises
        ------
        PedecgError
            The entry does not follow from those before it.
        """
        if entry.kind == "begin":
            if entry.fs_hz is None or entry.n_samples is None:
                raise PedecgError(f"waves, entry {entry.id}: no sampling rate or length")
            waves = {lead: list(rows) for lead, rows in entry.waves.items()}
            self.by_id[entry.record_id] = MarkedRecord(
                entry.record_id, entry.fs_hz, entry.n_samples, waves, entry.id
            )
            return
        record = self.by_id.get(entry.record_id)
        if record is None:
            raise PedecgError(f"waves, entry {entry.id}: {entry.record_id} was not begun")
        changes: Sequence[Change] = entry.changes
        if entry.kind == "undo":
            if not record.actions or record.actions[-1].id != entry.undoes:
                raise PedecgError(f"waves, entry {entry.id}: {entry.undoes} is not the last action")
            changes = wave_marks.reverse(record.actions.pop().changes)
        else:
            record.actions.append(entry)
        try:
            record.waves = wave_marks.applied(record.waves, changes)
        except KeyError:
            raise PedecgError(f"waves, entry {entry.id}: a changed wave is not there") from None
        record.last_id = entry.id


class WaveJournal:
    """An open journal of waves; this process holds its lock until `close`."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises
        ------
        PedecgError
            Another process has it open, or a line is not an entry.
        """
        self._file = journal_file.JournalFile(path)
        self._lock = threading.Lock()
        try:
            entries = read(path)
            self._last_id = entries[-1].id if entries else 0
            self.records = MarkedRecords(entries)
        except BaseException:
            self._file.close()
            raise

    def append(self, entry: WaveEntry) -> WaveEntry:
        """Write an entry with the next id and apply it; when this returns, it is on the disk."""
        with self._lock:
            numbered = WaveEntry(**{**vars(entry), "id": self._last_id + 1})
            self._file.append(asdict(numbered))
            self._last_id = numbered.id
            self.records.add(numbered)
            return numbered

    def close(self) -> None:
        """Give up the lock; nothing can be appended any more."""
        with self._lock:
            self._file.close()


def path_beside(journal: Path) -> Path:
    """Return the journal of waves that belongs to a journal of answers."""
    return journal.with_name(f"{journal.stem}_waves{journal.suffix}")


def read(path: Path) -> list[WaveEntry]:
    """Return the entries of a journal in order; a last line without an end is left out.

    Raises
    ------
    PedecgError
        In one line: the file is absent, or which line is not an entry and why.
    """
    return [_parse(values, place) for place, values in journal_file.read(path, _REQUIRED)]


def _parse(values: dict[str, Any], place: str) -> WaveEntry:
    unknown = next((name for name in values if name not in WaveEntry.__dataclass_fields__), None)
    if unknown is not None:
        raise PedecgError(f"{place}: unknown field {unknown!r}; written by a newer version?")
    if values["kind"] not in get_args(Kind):
        raise PedecgError(f"{place}: unknown kind {values['kind']!r}")
    try:
        waves = {
            lead: [Wave(*row) for row in rows] for lead, rows in values.get("waves", {}).items()
        }
        changes = tuple(
            Change(lead, *(None if wave is None else Wave(*wave) for wave in (before, after)))
            for lead, before, after in values.get("changes", ())
        )
    except (TypeError, ValueError, AttributeError):
        raise PedecgError(f"{place}: waves or changes of another form") from None
    return WaveEntry(**{**values, "waves": waves, "changes": changes})
