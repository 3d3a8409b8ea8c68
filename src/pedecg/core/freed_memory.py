"""Freed memory stays with the process, which does not fetch it anew for the next array.

glibc hands the memory of a large freed array back to the system at once; the pages that the next
one touches are then given and cleared again, one by one: a tenth of the processor time of an
answer, a quarter of that of ingest.
"""

import ctypes
import os
import sys

KEPT_BYTES = 2**26  # freed memory at the end of the heap up to this is kept
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's mallopt
_ENVIRONMENT = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep() -> bool:
    """Keep freed memory in this process from now on; return whether its C library can.

    What the environment says of it holds.
    """
    if any(name in os.environ for name in _ENVIRONMENT):
        return True
    return keep_up_to(KEPT_BYTES, KEPT_BYTES)


def keep_up_to(kept_bytes: int, largest_bytes: int) -> bool:
    """Keep freed memory in this process, whatever the environment says.

    Parameters
    ----------
    kept_bytes : freed memory at the end of the heap up to this is kept.
    largest_bytes : of an array that lies on the heap.

    Returns
    -------
    Whether the C library can; without glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    # Both: one alone turns off glibc's adapting.
    taken = [mallopt(_MMAP_THRESHOLD, largest_bytes), mallopt(_TRIM_THRESHOLD, kept_bytes)]
    return taken == [1, 1]


def keep_in_children() -> None:
    """Let processes that are started from now on keep freed memory."""
    for name in _ENVIRONMENT:
        os.environ.setdefault(name, str(KEPT_BYTES))
