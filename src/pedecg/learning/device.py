"""Device, number of threads, and reproducible results from one seed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs

from pedecg.core import freed_memory
from pedecg.core.errors import PedecgError

Precision = Literal["float32", "bfloat16", "float16"]
_PRECISIONS: dict[Precision, str] = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}

_SWITCHES: Any = torch.utils.deterministic  # a module whose properties have no types

# Bytes, see `freed_memory.keep_up_to`. Each step of a training asks for the same blocks: fetched
# anew they are a tenth of a step on a CPU.
_KEPT, _LARGEST_FROM_HEAP = 512 * 2**20, 32 * 2**20  # 32 MB is the most that every glibc takes


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


def relaunched(processes: int) -> bool:
    """Run this script again in several processes that train together; False: go on in this one.

    Raises
    ------
    PedecgError
        One of the processes failed; it has reported why.
    """
    if processes == 1 or "RANK" in os.environ:
        return False
    command = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *sys.argv]
    if subprocess.run([sys.executable, "-m", *command], check=False).returncode:
        raise PedecgError(f"train: one of {processes} processes failed; its reason stands above")
    return True


def accelerate(device: torch.device, precision: Precision = "float32") -> Accelerator:
    """Return accelerate's view of device, precision and processes.

    Parameters
    ----------
    precision : of the forward pass on a GPU; on a CPU always float32.
    """
    AcceleratorState._reset_state()  # another training of this process may have had another
    on_cpu = device.type == "cpu"
    return Accelerator(
        cpu=on_cpu,
        mixed_precision="no" if on_cpu else _PRECISIONS[precision],
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )


@contextmanager
def out_of_memory(advice: str) -> Iterator[None]:
    """Turn the end of memory into a `PedecgError` that says which parameters to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not (full or "allocate memory" in str(error)):  # what torch raises on a CPU
            raise
        raise PedecgError(f"out of memory; lower {advice}") from None


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
    freed_memory.keep_up_to(_KEPT, _LARGEST_FROM_HEAP)
    # A GPU lacks deterministic kernels for a few layers, of which torch then warns by name.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
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
