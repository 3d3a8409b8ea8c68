"""Which device, how many threads, and the same bytes from the same seed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from pedecg.errors import PedecgError

_SWITCHES: Any = torch.utils.deterministic  # a module whose properties have no types


def choose(accelerator: str) -> torch.device:
    """Return the device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    PedecgError
        The device that is named is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if accelerator == "auto":
        return torch.device(next(name for name, found in there.items() if found))
    if not there[accelerator]:
        found = ", ".join(name for name, found in there.items() if found)
        raise PedecgError(f"train.accelerator: no {accelerator} on this machine; found {found}")
    return torch.device(accelerator)


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed torch, fix its threads and allow only deterministic kernels, within the block.

    The caller's generator, threads and switches are as before when the block ends.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        _SWITCHES.fill_uninitialized_memory,
    )
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with it
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    _SWITCHES.fill_uninitialized_memory = False  # a guard for debugging, and slow
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        _SWITCHES.fill_uninitialized_memory = before[2]


def derived_seed(*key: int) -> int:
    """Return a seed for one purpose, such as (seed, epoch), independent of its neighbours'."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
