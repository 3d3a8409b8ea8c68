"""How many requests may run and wait at a time; more are sent away at once, not slowed down."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pedecg.service.limits import Limits

_FIRST_GUESS_S = 0.5  # of one prediction, before any was timed
_SMOOTHING = 0.1  # weight of the newest prediction in the mean duration


class BusyError(Exception):
    """Too many requests wait. `retry_after_s`: when a place is probably free."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class Admission:
    """Places for the requests that run and wait."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._mean_s = _FIRST_GUESS_S
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place; raises `BusyError` where all are taken."""
        with self._lock:
            if self.taken >= self._limits.workers + self._limits.waiting:
                raise BusyError(self._free_in_s())
            self.taken += 1
        try:
            yield
        finally:
            with self._lock:
                self.taken -= 1

    def took(self, seconds: float) -> None:
        """Note how long a prediction took."""
        with self._lock:
            self._mean_s += _SMOOTHING * (seconds - self._mean_s)

    def _free_in_s(self) -> int:
        """Return after how many whole seconds half of those who wait will have been answered."""
        waiting = self._limits.waiting / 2 + 1
        return max(1, math.ceil(self._mean_s * waiting / self._limits.workers))
