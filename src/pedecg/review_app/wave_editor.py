"""Correction of waves by readers: each action is saved at once and can be taken back."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pedecg.review_app import wave_marks
from pedecg.review_app.journal_file import ConflictError
from pedecg.review_app.review_session import RefusedError
from pedecg.review_app.wave_journal import Kind, MarkedRecord, WaveEntry, WaveJournal
from pedecg.review_app.wave_marks import Change, Edge, MarkError, Wave, Waves


class WaveEditor:
    """The waves of the records of a review; every method may be called from several threads.

    All readers correct the same waves: an action on waves that another reader changed meanwhile is
    a conflict.
    """

    def __init__(self, journal: WaveJournal) -> None:
        self._journal = journal
        self._version = metadata.version("pedecg")
        self._lock = threading.RLock()

    def view(self, record_id: str, about: Mapping[str, Any], reader: str) -> dict[str, Any]:
        """Return the waves of a record in samples, and what a reader may do with them.

        Parameters
        ----------
        about : of `ecg_source.PreparedEcg`: the delineator's waves, where nobody corrected any.
        """
        with self._lock:
            record = self._journal.records.by_id.get(record_id)
            waves = _found(about) if record is None else record.waves
            actions = [] if record is None else record.actions
            return {
                "id": 0 if record is None else record.last_id,
                "waves": waves,
                "edits": sum(action.kind == "edit" for action in actions),
                "checked": record is not None and record.checked,
                "readers": [] if record is None else record.readers,
                "may_undo": bool(actions) and actions[-1].reader == reader,
            }

    def in_seconds(self, record_id: str) -> dict[str, list[list[Any]]] | None:
        """Return corrected waves as `PreparedEcg.about` states waves; None where none is."""
        with self._lock:
            record = self._journal.records.by_id.get(record_id)
            if record is None or not record.actions:
                return None
            return {
                lead: [
                    [w.kind, *(None if s is None else s / record.fs_hz for s in w[1:])]
                    for w in waves
                ]
                for lead, waves in record.waves.items()
            }

    def move(
        self, record_id: str, about: Mapping[str, Any], reader: str, expected: int,
        lead: str, wave: Wave, edge: Edge, sample: int,
    ) -> None:  # fmt: skip
        """Put one boundary of a wave on a sample, see `wave_marks.moved`.

        Raises
        ------
        RefusedError
            Another boundary stands in the way.
        ConflictError
            The waves have changed since `expected`, the id that the page was shown.
        """
        last = about["n_samples"] - 1
        with self._lock:
            waves = self._current(record_id, about, expected)
            self._edit(record_id, about, reader, wave_marks.moved, waves, lead, wave, edge,
                       sample, last)  # fmt: skip

    def remove(
        self, record_id: str, about: Mapping[str, Any], reader: str, expected: int,
        lead: str, wave: Wave,
    ) -> None:  # fmt: skip
        """Take a wave out, see `wave_marks.removed`; raises as `move`."""
        with self._lock:
            waves = self._current(record_id, about, expected)
            self._edit(record_id, about, reader, wave_marks.removed, waves, lead, wave)

    def add(
        self, record_id: str, about: Mapping[str, Any], reader: str, expected: int,
        lead: str, wave: Wave,
    ) -> None:  # fmt: skip
        """Put a new wave in, see `wave_marks.added`; raises as `move`."""
        last = about["n_samples"] - 1
        with self._lock:
            waves = self._current(record_id, about, expected)
            self._edit(record_id, about, reader, wave_marks.added, waves, lead, wave, last)

    def check(self, record_id: str, about: Mapping[str, Any], reader: str, expected: int) -> None:
        """State that every wave of the record is right: it may be exported."""
        with self._lock:
            self._current(record_id, about, expected)
            record = self._journal.records.by_id.get(record_id)
            if record is not None and record.checked:
                raise RefusedError("these waves are marked as checked already")
            self._begin(record_id, about, reader)
            self._append(record_id, "checked", reader)

    def undo(self, record_id: str, reader: str, expected: int) -> None:
        """Take back the last action on a record.

        Raises
        ------
        RefusedError
            There is none, or it is another reader's.
        """
        with self._lock:
            record = self._journal.records.by_id.get(record_id)
            if record is None or not record.actions:
                raise RefusedError("no correction of these waves is left to undo")
            if record.last_id != expected:
                raise ConflictError
            last = record.actions[-1]
            if last.reader != reader:
                raise RefusedError(f"the last correction of these waves is {last.reader}'s")
            self._append(record_id, "undo", reader, undoes=last.id)

    def records(self) -> Sequence[MarkedRecord]:
        """Return every record with an action."""
        with self._lock:
            return list(self._journal.records.by_id.values())

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _current(self, record_id: str, about: Mapping[str, Any], expected: int) -> Waves:
        record = self._journal.records.by_id.get(record_id)
        if expected != (0 if record is None else record.last_id):
            raise ConflictError
        return _found(about) if record is None else record.waves

    def _edit(
        self, record_id: str, about: Mapping[str, Any], reader: str, change: Any, *arguments: Any
    ) -> None:
        try:
            changes: list[Change] = change(*arguments)
        except MarkError as fault:
            raise RefusedError(str(fault)) from None
        if changes:
            self._begin(record_id, about, reader)
            self._append(record_id, "edit", reader, changes=tuple(changes))

    def _begin(self, record_id: str, about: Mapping[str, Any], reader: str) -> None:
        """Keep the delineator's waves with the first action: it may find others another time."""
        if record_id not in self._journal.records.by_id:
            self._append(
                record_id, "begin", reader, waves=_found(about), fs_hz=about["fs_hz"],
                n_samples=about["n_samples"],
            )  # fmt: skip

    def _append(self, record_id: str, kind: Kind, reader: str, **more: Any) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._journal.append(
            WaveEntry(0, time, kind, reader, record_id, version=self._version, **more)
        )


def _found(about: Mapping[str, Any]) -> Waves:
    return wave_marks.from_seconds(
        about["waves"], about["leads"], about["fs_hz"], about["n_samples"]
    )
