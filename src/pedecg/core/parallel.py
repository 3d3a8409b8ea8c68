"""The map over many records: all cores by default, a Dask cluster where one is named.

Where records are computed is no parameter of the pipeline, since it changes no result:
``PEDECG_JOBS`` (processes; default: all cores) and ``DASK_SCHEDULER_ADDRESS`` (a running cluster)
are read from the environment. Whatever they say, a record is computed with one thread: the order
of sums in BLAS and torch depends on the number of threads.
"""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeVar

import joblib
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from pedecg.core import cluster, errors, freed_memory
from pedecg.core.errors import PedecgError

# What a library reads when it is loaded; torch reads the first of them.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")

# joblib's warning where a fault ends the map early: the fault itself is reported.
warnings.filterwarnings("ignore", r"\d+ tasks .*", UserWarning, r"joblib\.parallel")

T = TypeVar("T")
R = TypeVar("R")


def jobs() -> int:
    """Return how many processes to use; a `PedecgError` where PEDECG_JOBS is no whole number."""
    wanted = os.environ.get("PEDECG_JOBS") or "0"
    if not wanted.isdecimal():
        raise PedecgError(f"PEDECG_JOBS: must be a whole number, 0: all cores (found {wanted!r})")
    return int(wanted) or joblib.cpu_count()


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items under a progress bar; in a log file, a line every 15 s."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    quiet = not sys.stderr.isatty()
    every = 15.0 if quiet else 0.2
    yield from tqdm(items, desc=what, total=total, mininterval=every, ascii=quiet, leave=True)


def records(
    function: Callable[..., R], items: Iterable[Any], what: str, total: int | None = None
) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in order, under a progress bar.

    Items are taken as they are needed and results are handed over as they come, so that the
    caller can write them out and memory stays flat however many records there are. `function`
    must be importable (a module's function or a `functools.partial` of one).

    Parameters
    ----------
    total : number of items, for the bar; None: as `items` says.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    freed_memory.keep_in_children()
    scheduler = cluster.address()
    if scheduler:
        found = cluster.records(partial(alone, function), items, scheduler)
        yield from progress(found, what, total)
        return
    if jobs() == 1:
        yield from progress((alone(function, item) for item in items), what, total)
        return
    work = partial(_in_worker, function, os.getpid())
    # Set before the map begins: where it ends early, the pool's thread notices first.
    before, threading.excepthook = threading.excepthook, _quiet_pool
    with joblib.parallel_config(backend="loky", n_jobs=jobs(), inner_max_num_threads=1):
        pool = joblib.Parallel(return_as="generator", batch_size="auto", pre_dispatch="4*n_jobs")
        try:
            yield from progress(pool(joblib.delayed(work)(i) for i in items), what, total)
        except BrokenProcessPool:
            raise PedecgError(
                f"{what}: a worker process was killed, often for lack of memory; fewer of them "
                f"need less: PEDECG_JOBS={max(1, jobs() // 2)}"
            ) from None
    threading.excepthook = before


def _quiet_pool(thrown: threading.ExceptHookArgs) -> None:
    """Leave out what loky's own thread raises when a map ends early: the cause is reported."""
    if thrown.thread is None or thrown.thread.name != "ExecutorManagerThread":
        threading.__excepthook__(thrown)


def _in_worker(function: Callable[..., R], parent: int, item: Any) -> R:
    """Return ``function(item)``, in a process that ends when its parent is gone."""
    _watch(parent)
    return function(item)


@cache
def _watch(parent: int) -> None:
    errors.end_with_parent(lambda: os._exit(1), parent)


def alone(function: Callable[..., R], item: Any) -> R:
    """Return ``function(item)``, computed in this process with one thread."""
    with one_thread():
        return function(item)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS, OpenMP and torch have one thread within the block, and then as many as before.

    A library that the block is the first to load starts with one thread, and keeps it. torch is
    not loaded for this: most stages do without.
    """
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with threadpool_limits(1):
            if torch:
                torch.set_num_threads(1)
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
