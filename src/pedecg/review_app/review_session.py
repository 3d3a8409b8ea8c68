"""A running review: access to cases, and how an answer becomes a line of the journal."""

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pedecg.core.errors import PedecgError
from pedecg.review_app import decision_file, review_summary
from pedecg.review_app.answers import Answers, Case, decision
from pedecg.review_app.journal import ANSWERS, Entry, Journal
from pedecg.review_app.journal_file import ConflictError
from pedecg.review_app.reading_queue import ReadingQueue, is_shared
from pedecg.review_app.worklist import Item, Worklist

_NAME = re.compile(r"[^\W\d_][\w .,'’-]{0,39}")
RELATIVE = ("keep", "change")  # to the recorded label: only for a reader who sees it
MAX_REASON = 500  # characters
MAX_FINDINGS = 30  # a reader writes a few; a request that names more is no reader's


class RefusedError(Exception):
    """A request that cannot be fulfilled; the message is for the reader."""


@dataclass(frozen=True)
class ReviewSettings:
    """How a review is conducted.

    Attributes
    ----------
    blinded : hide recorded labels, probabilities and other readers' answers until the answer.
    overlap : share of the cases that every reader answers, 0 to 1.
    readers : names that may sign in; empty: any.
    senior : names that may hold the consensus round.
    seed : of the choice of shared cases, and of the bootstrap.
    decisions : the file that the pipeline reads.
    """

    blinded: bool = True
    overlap: float = 0.3
    readers: tuple[str, ...] = ()
    senior: tuple[str, ...] = ()
    seed: int = 0
    decisions: Path = Path("labels/decisions.csv")


@dataclass
class Review:
    """The state of a review; every method may be called from several threads."""

    worklist: Worklist
    journal: Journal
    settings: ReviewSettings
    splits: Mapping[str, str] = field(default_factory=dict)
    statements: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answers = Answers(self.journal.entries)
        self.queue = ReadingQueue(
            self.worklist, self.answers, self.settings.overlap, self.settings.seed
        )
        self.version = metadata.version("pedecg")
        self.export_fault = ""
        self._lock = threading.RLock()
        self._names = {one.reader.casefold(): one.reader for one in reversed(self.journal.entries)}

    def reader(self, name: str) -> str:
        """Return a name as it is recorded, or refuse it."""
        plain = " ".join(unicodedata.normalize("NFC", name).split())
        known = {one.casefold(): one for one in (*self.settings.readers, *self.settings.senior)}
        if plain.casefold() in known:
            return known[plain.casefold()]
        if self.settings.readers:
            raise RefusedError(f"{plain[:40]!r} is not one of the readers of this review")
        if not _NAME.fullmatch(plain):
            raise RefusedError("a name has 1 to 40 letters; it may contain spaces, . , ' and -")
        with self._lock:  # Anna and anna are one reader: kappa must not take them for two
            return self._names.setdefault(plain.casefold(), plain)

    def item(self, number: int) -> Item:
        """Return a case of the worklist."""
        if not 0 <= number < len(self.worklist.items):
            raise RefusedError(f"no case {number}; there are {len(self.worklist.items)}")
        return self.worklist.items[number]

    def next(self, reader: str, current: int | None) -> int | None:
        """Return the reader's next case."""
        with self._lock:
            return self.queue.next(reader, current)

    def view(self, number: int, reader: str, consensus: bool = False) -> dict[str, Any]:
        """Return what a reader may know of a case: nothing hidden before the answer is saved."""
        self._check_senior(reader, consensus)
        item = self.item(number)
        with self._lock:
            standing = self._standing(item.case, reader, consensus)
            visible = self._sees_label(item.case, reader)
            view: dict[str, Any] = {
                "number": number,
                "rank": item.rank,
                "record_id": item.record_id,
                "patient_id": item.patient_id,
                "label": item.label,
                "split": self.splits.get(item.record_id, ""),
                "shared": self.queue.overlap > 0 and self._is_shared(item.case),
                "answer": None if standing is None else _own(standing),
                "progress": self.queue.progress(reader),
                "consensus": consensus,
                "warning": self.export_fault,
                "votes": None,
                "recorded": None,
            }
            if consensus or (visible and self._answered_or_open(item.case, reader)):
                view["votes"] = self._votes(item.case, reader)
            if visible:
                view["recorded"] = {
                    "given": item.given,
                    "probability": item.probability,
                    "model": item.model,
                    "decision": None if standing is None else decision(standing, item.label),
                    "statements": self._statements(item, reader),
                }
            return view

    def answer(
        self,
        number: int,
        reader: str,
        answers: Mapping[str, str],
        *,
        expected: int | None,
        reason: str = "",
        findings: Sequence[str] = (),
        consensus: bool = False,
        seconds: float | None = None,
    ) -> Entry:
        """Save a reader's answer to a case, and to further targets of the same record.

        Parameters
        ----------
        answers : by target, a word of `ANSWERS`; ``keep`` or ``change`` for the case's own target
            where its recorded label is in view.
        expected : id of the reader's answer that the page showed, None: not answered yet.

        Raises
        ------
        RefusedError
            What is wrong with the answer.
        ConflictError
            The same reader has answered the case elsewhere meanwhile.
        """
        self._check_senior(reader, consensus)
        item = self.item(number)
        with self._lock:
            standing = self._standing(item.case, reader, consensus)
            if (standing.id if standing else None) != expected:
                raise ConflictError
            seen = self._sees_label(item.case, reader)
            given = self.worklist.given(item.record_id)
            checked = self._checked(item, answers, given, seen)
            saved = self.journal.append(
                Entry(
                    id=0,
                    time=_now(),
                    kind="answer",
                    reader=reader,
                    record_id=item.record_id,
                    label=item.label,
                    rank=item.rank,
                    patient_id=item.patient_id,
                    answers=checked,
                    given={label: given[label] for label in checked},
                    findings=tuple(_short(f, 100) for f in findings[:MAX_FINDINGS]),
                    reason=_short(reason, MAX_REASON),
                    blinded=all(
                        self._is_blind((item.record_id, label), word, reader, consensus)
                        for label, word in checked.items()
                    ),
                    consensus=consensus,
                    seconds=None if seconds is None else round(seconds, 1),
                    version=self.version,
                )
            )
            self._apply(saved)
            return saved

    def skip(self, number: int, reader: str) -> Entry:
        """Put a case at the end of the reader's queue."""
        item = self.item(number)
        with self._lock:
            if self.answers.standing(item.case, reader) is not None:
                raise RefusedError("this case is answered already; undo the answer first")
            entry = Entry(
                0, _now(), "skip", reader, item.record_id, item.label, item.rank,
                version=self.version,
            )  # fmt: skip
            saved = self.journal.append(entry)
            self._apply(saved)
            return saved

    def undo(self, reader: str) -> tuple[int | None, bool]:
        """Withdraw the reader's last answer or skip; return its case and if it was a consensus."""
        with self._lock:
            last = self.answers.last_action(reader)
            if last is None:
                raise RefusedError("there is nothing to undo")
            undo = Entry(
                0, _now(), "undo", reader, last.record_id, last.label, last.rank,
                undoes=last.id, consensus=last.consensus, version=self.version,
            )  # fmt: skip
            self._apply(self.journal.append(undo))
            return self.worklist.number((last.record_id, last.label)), last.consensus

    def overview(self, reader: str) -> dict[str, Any]:
        """Return progress, agreement and, for a senior reader, the disagreements."""
        with self._lock:
            found: dict[str, Any] = {
                "progress": self.queue.progress(reader),
                "summary": review_summary.summary(self.worklist, self.answers, self.settings.seed),
                "disagreements": None,
            }
            if reader in self.settings.senior:
                cases = [
                    c for c in self.answers.disagreements() if self.worklist.number(c) is not None
                ]
                found["disagreements"] = [
                    {
                        "number": self.worklist.number(case),
                        "record_id": case[0],
                        "label": case[1],
                        "answers": {
                            name: entry.answers[case[1]]
                            for name, entry in self.answers.readers_of(case).items()
                        },
                    }
                    for case in cases
                ]
            return found

    def export(self) -> int:
        """Write the decisions for the pipeline; return how many."""
        with self._lock:
            return decision_file.write(self.answers, self.settings.decisions)

    def _apply(self, saved: Entry) -> None:
        self.answers.add(saved)
        try:
            decision_file.write(self.answers, self.settings.decisions)
        except (PedecgError, OSError) as fault:
            # The answer is safe in the journal; the file can be written from it at any time.
            self.export_fault = f"saved, but {self.settings.decisions} is not up to date: {fault}"
        else:
            self.export_fault = ""

    def _checked(
        self, item: Item, answers: Mapping[str, str], given: Mapping[str, int | None], seen: bool
    ) -> dict[str, str]:
        """Return the answers in words of `ANSWERS`, the case's own target first."""
        if item.label not in answers:
            raise RefusedError(f"no answer on {item.label}")
        found = {}
        for label, word in sorted(answers.items(), key=lambda pair: pair[0] != item.label):
            if label not in given:
                raise RefusedError(f"{label[:40]!r} is not a target of this cohort")
            if word in RELATIVE:
                recorded = given[label]
                if label != item.label or not seen or recorded is None:
                    raise RefusedError(f"{word} needs a recorded label that is shown")
                word = ("absent", "present")[(recorded == 1) == (word == "keep")]
            if word not in ANSWERS:
                raise RefusedError(f"answer {word[:40]!r}; expected {', '.join(ANSWERS)}")
            found[label] = word
        return found

    def _standing(self, case: Case, reader: str, consensus: bool) -> Entry | None:
        return self.answers.standing(case, reader, consensus)

    def _sees_label(self, case: Case, reader: str) -> bool:
        return not self.settings.blinded or self.answers.revealed(case, reader)

    def _is_blind(self, case: Case, word: str, reader: str, consensus: bool) -> bool:
        """Return whether an answer is blinded: given before the label was shown, or equal.

        A reason that is added after the label was shown leaves a blinded answer blinded.
        """
        if not self._sees_label(case, reader):
            return True
        standing = self._standing(case, reader, consensus)
        return standing is not None and standing.blinded and standing.answers[case[1]] == word

    def _answered_or_open(self, case: Case, reader: str) -> bool:
        """Other readers' answers are shown after one's own, also where labels are in view."""
        return self.answers.standing(case, reader) is not None

    def _is_shared(self, case: Case) -> bool:
        return is_shared(case, self.queue.overlap, self.queue.seed)

    def _votes(self, case: Case, reader: str) -> list[dict[str, Any]]:
        return [
            {
                "reader": name,
                "answer": entry.answers[case[1]],
                "reason": entry.reason,
                "blinded": entry.blinded,
            }
            for name, entry in sorted(self.answers.readers_of(case).items())
            if name != reader
        ]

    def _statements(self, item: Item, reader: str) -> list[str] | None:
        """Return what the source states of the record; None while that would give away a label.

        One record can be a case of several targets, and its diagnoses tell them all.
        """
        waiting = self.settings.blinded and any(
            other.record_id == item.record_id and self.queue.may_answer(other.case, reader)
            for other in self.worklist.items
        )
        return None if waiting else list(self.statements.get(item.record_id, ()))

    def _check_senior(self, reader: str, consensus: bool) -> None:
        if consensus and reader not in self.settings.senior:
            raise RefusedError("the consensus round is for a senior reader")


def start(
    worklist: Worklist,
    journal: Path,
    settings: ReviewSettings,
    splits: Mapping[str, str],
    statements: Mapping[str, Sequence[str]],
) -> Review:
    """Open the journal and bring the decision file up to date with it.

    Raises
    ------
    PedecgError
        The journal is damaged or in use, or the decision file has another form.
    """
    if not 0 <= settings.overlap <= 1:
        raise PedecgError(f"--overlap {settings.overlap:g}; expected a share from 0 to 1")
    review = Review(worklist, Journal(journal), settings, splits, statements)
    try:
        review.export()
    except BaseException:
        review.journal.close()
        raise
    return review


def _own(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "answers": dict(entry.answers),
        "reason": entry.reason,
        "findings": list(entry.findings),
        "blinded": entry.blinded,
    }


def _short(text: str, at_most: int) -> str:
    """Return a text on one line without control characters, cut to a length."""
    plain = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
    return " ".join(plain.split())[:at_most]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
