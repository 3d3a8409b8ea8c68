"""State of the journal: answers by reader, current answers, and agreement of the readers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pedecg.review_app.journal import Entry

Case = tuple[str, str]  # record_id, label

# The word of labels/decisions.csv for an answer that is neither present nor absent.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Final:
    """What a case comes to.

    Attributes
    ----------
    decision : ``keep``, ``flip`` or ``unknown``; None: the readers disagree, or the recorded
        label is unknown, so that there is nothing to keep or flip.
    entries : the answers that it rests on.
    disagreement : readers differ and no consensus was reached.
    """

    decision: str | None
    entries: tuple[Entry, ...]
    disagreement: bool = False


class Answers:
    """The state after all entries of a journal; `add` brings in the next one."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._by_reader: dict[Case, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        self._consensus: dict[Case, list[Entry]] = defaultdict(list)
        self._revealed: set[tuple[Case, str]] = set()
        self._actions: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Apply one entry."""
        actions = self._actions[entry.reader]
        if entry.kind == "undo":
            undone = next((one for one in actions if one.id == entry.undoes), None)
            if undone is None:
                return
            actions.remove(undone)
            for case in cases_of(undone):
                for stack in self._stacks(case, undone):
                    if undone in stack:
                        stack.remove(undone)
            return
        actions.append(entry)
        for case in cases_of(entry):
            self._stacks(case, entry)[0].append(entry)
            # The page shows the recorded label of the case that was asked about, of no other.
            if case[1] == entry.label:
                self._revealed.add((case, entry.reader))

    def _stacks(self, case: Case, entry: Entry) -> tuple[list[Entry], ...]:
        if entry.consensus:
            return (self._consensus[case],)
        return (self._by_reader[case][entry.reader],)

    def standing(self, case: Case, reader: str, consensus: bool = False) -> Entry | None:
        """Return the answer of a reader that counts now, or None."""
        stack = self._consensus.get(case, []) if consensus else self._of(case).get(reader, [])
        return stack[-1] if stack else None

    def revealed(self, case: Case, reader: str) -> bool:
        """Return whether the reader has answered this case and so has seen its recorded label."""
        return (case, reader) in self._revealed

    def last_action(self, reader: str) -> Entry | None:
        """Return the reader's latest answer or skip that is not undone."""
        actions = self._actions.get(reader, [])
        return actions[-1] if actions else None

    def skipped(self, reader: str) -> list[Case]:
        """Return the cases that a reader skipped and has not answered since, the oldest first."""
        found: dict[Case, None] = {}
        for action in self._actions.get(reader, []):
            case = (action.record_id, action.label)
            if action.kind == "skip":
                found.pop(case, None)
                found[case] = None
        return [case for case in found if self.standing(case, reader) is None]

    def readers_of(self, case: Case) -> dict[str, Entry]:
        """Return the standing answer of every reader to a case."""
        return {reader: stack[-1] for reader, stack in self._of(case).items() if stack}

    def first_blinded(self, case: Case) -> dict[str, str]:
        """Return each reader's first answer to a case, where nothing had been revealed before."""
        found = {}
        for reader, stack in self._of(case).items():
            first = next((entry for entry in stack if entry.blinded), None)
            if first is not None:
                found[reader] = first.answers[case[1]]
        return found

    def cases(self) -> list[Case]:
        """Return every case with an answer, in the order in which they were first answered."""
        answered = [case for case in self._by_reader if self.readers_of(case)]
        return list(dict.fromkeys([*answered, *(c for c, s in self._consensus.items() if s)]))

    def readers(self) -> list[str]:
        """Return the names of all readers who answered outside the consensus round, sorted."""
        return sorted({reader for case in self.cases() for reader in self.readers_of(case)})

    def consensus(self, case: Case) -> Entry | None:
        """Return the standing answer of the consensus round."""
        return self.standing(case, "", consensus=True)

    def final(self, case: Case) -> Final:
        """Return what a case comes to: the consensus, or what all its readers say."""
        agreed = self.consensus(case)
        entries = (agreed,) if agreed else tuple(self.readers_of(case).values())
        decisions = {decision(entry, case[1]) for entry in entries}
        if len(decisions) == 1:
            return Final(decisions.pop(), entries)
        return Final(None, entries, disagreement=len(decisions) > 1)

    def disagreements(self) -> list[Case]:
        """Return the cases that wait for a consensus round."""
        return [case for case in self.cases() if self.final(case).disagreement]

    def _of(self, case: Case) -> dict[str, list[Entry]]:
        return self._by_reader.get(case, {})


def cases_of(entry: Entry) -> list[Case]:
    """Return the cases that an entry answers; of a skip none."""
    return [(entry.record_id, label) for label in entry.answers]


def decision(entry: Entry, label: str) -> str | None:
    """Say an answer as labels/decisions.csv does; None where the recorded label is unknown.

    ``present`` and ``absent`` keep or flip the recorded label; an answer that leaves it open
    (uncertain, unreadable) makes it unknown, so that training masks it.
    """
    answer, given = entry.answers[label], entry.given.get(label)
    if answer in ("uncertain", "unreadable"):
        return UNKNOWN
    if given is None:
        return None
    return "keep" if (answer == "present") == (given == 1) else "flip"
