"""Which case a reader sees next, when several readers share a worklist."""

import hashlib
import threading
import time
from dataclasses import dataclass, field

from pedecg.review_app.answers import Answers, Case
from pedecg.review_app.worklist import Worklist

# A case that was shown and not answered for so long is free again: the reader has left.
LEASE_S = 900.0


def is_shared(case: Case, share: float, seed: int) -> bool:
    """Return whether every reader is to answer a case; the same for every start of the program.

    Parameters
    ----------
    share : 0 to 1, of all cases.
    """
    digest = hashlib.sha256(f"{seed}\0{case[0]}\0{case[1]}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


@dataclass
class ReadingQueue:
    """Deals out the cases of a worklist in order of rank.

    Cases of the share `overlap` are answered by every reader; each other case by one, the first
    to whom it is shown. While it is shown to one reader it is not given to another.
    """

    worklist: Worklist
    answers: Answers
    overlap: float
    seed: int = 0
    _leases: dict[Case, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open_cases(self, reader: str) -> list[int]:
        """Return the numbers of all cases that wait for a reader; skipped ones come last."""
        waiting = [
            number
            for number, item in enumerate(self.worklist.items)
            if self._for(item.case, reader)
        ]
        order = {case: place for place, case in enumerate(self.answers.skipped(reader))}
        return sorted(waiting, key=lambda n: (order.get(self.worklist.items[n].case, -1), n))

    def next(self, reader: str, current: int | None = None) -> int | None:
        """Return the next case of a reader and reserve it; None: there is none left.

        Parameters
        ----------
        current : the case that the reader has open now, which is not the next one.
        """
        with self._lock:
            for number in self.open_cases(reader):
                if number != current:
                    self._leases[self.worklist.items[number].case] = (reader, time.monotonic())
                    return number
        return None

    def progress(self, reader: str) -> tuple[int, int]:
        """Return how many cases a reader has answered, and how many there are for the reader."""
        done = sum(
            self.answers.standing(item.case, reader) is not None for item in self.worklist.items
        )
        return done, done + len(self.open_cases(reader))

    def may_answer(self, case: Case, reader: str) -> bool:
        """Return whether the reader may answer a case, now or once another reader skips it."""
        given = self.answers.readers_of(case)
        return reader not in given and (not given or is_shared(case, self.overlap, self.seed))

    def _for(self, case: Case, reader: str) -> bool:
        if not self.may_answer(case, reader):
            return False
        if is_shared(case, self.overlap, self.seed):
            return True
        holder, since = self._leases.get(case, ("", 0.0))
        return holder in ("", reader) or time.monotonic() - since > LEASE_S
