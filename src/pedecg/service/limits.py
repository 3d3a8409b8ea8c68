"""Limits of the service: size, time, memory, and how many requests may wait."""

from dataclasses import dataclass

MEGABYTE = 1_000_000  # bytes


@dataclass(frozen=True)
class Limits:
    """What one request may cost.

    Attributes
    ----------
    max_mb : size of a request's body, MB.
    body_within_s : time for the body to arrive, s.
    answer_within_s : time for one prediction once it has begun, s; beyond it the worker is stopped.
    memory_gb : address space of a worker beyond what it has after loading the model, GB.
    workers : predictions at a time, each in a process of its own.
    waiting : further requests that may wait for a worker; more are answered 429.
    """

    max_mb: float = 20.0
    body_within_s: float = 20.0
    answer_within_s: float = 60.0
    memory_gb: float = 4.0
    workers: int = 1
    waiting: int = 8

    @property
    def max_bytes(self) -> int:
        """Size of a request's body, bytes."""
        return round(self.max_mb * MEGABYTE)
