"""The map over records on a running Dask cluster, with the results of one machine.

``DASK_SCHEDULER_ADDRESS`` names the scheduler, as for any Dask program. The workers need the same
project folder at the same path (a shared file system), the same code and versions of the numerical
libraries, and one thread each: what differs is found before a worker computes anything.
"""

import importlib.metadata
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pedecg.core import checksums
from pedecg.core.errors import PedecgError

if TYPE_CHECKING:
    from distributed import Client, Future

VARIABLE = "DASK_SCHEDULER_ADDRESS"

# Records in one task: about a second of work, against a millisecond of scheduling.
SHARD = 16
# Shards that wait at the scheduler for each worker: no worker idles, memory stays flat.
QUEUED_PER_WORKER = 3
# Seconds in which the scheduler must answer and have a worker; a batch system starts them slowly.
WAIT_S = 60.0

# Libraries whose arithmetic reaches results.
_NUMERICAL = ("numpy", "scipy", "pandas", "torch")

R = TypeVar("R")


def address() -> str | None:
    """Return the scheduler's address, or None where the records stay on this machine."""
    return os.environ.get(VARIABLE) or None


@dataclass(frozen=True)
class Home:
    """What a worker must have in common with the program that sends it records."""

    folder: str
    code: str
    versions: tuple[str, ...]


@lru_cache(maxsize=1)
def _code() -> str:
    """Return the checksum of the package's Python files and data, as this process loaded them."""
    return checksums.of_files([Path(__file__).parents[1]])


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    python = ".".join(map(str, sys.version_info[:3]))
    return (f"python {python}", *(f"{n} {importlib.metadata.version(n)}" for n in _NUMERICAL))


def _home() -> Home:
    return Home(str(Path.cwd()), _code(), _versions())


def _enter(home: Home) -> None:
    """Make this worker stand where the program stands; raise a `PedecgError` where it cannot."""
    from distributed import get_worker

    worker = get_worker()
    found = f"cluster worker {worker.address}"
    if worker.state.nthreads != 1:
        raise PedecgError(
            f"{found}: has {worker.state.nthreads} threads (expected 1: start it with --nthreads 1)"
        )
    if not Path(home.folder).is_dir():
        raise PedecgError(
            f"{found}: has no folder {home.folder} (expected on a shared file system)"
        )
    if _versions() != home.versions:
        here = ", ".join(sorted(set(_versions()) - set(home.versions)))
        there = ", ".join(sorted(set(home.versions) - set(_versions())))
        raise PedecgError(f"{found}: runs {here} (expected {there})")
    if _code() != home.code:
        raise PedecgError(f"{found}: runs other code of pedecg (install the same commit there)")
    os.chdir(home.folder)


def _shard(function: Callable[[Any], R], items: Sequence[Any], home: Home) -> list[R]:
    _enter(home)
    return [function(item) for item in items]


def _same(value: R) -> R:
    return value


def _lost(reason: object) -> PedecgError:
    return PedecgError(f"{VARIABLE}: {reason}; run the stage again once the cluster is back")


@contextmanager
def _connected(where: str) -> Iterator["Client"]:
    try:
        from distributed import Client
    except ImportError:
        raise PedecgError(
            f"{VARIABLE}: needs the package distributed (pip install 'pedecg[dask]')"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # every fault ends in one line
    try:
        client = Client(where, timeout=WAIT_S, set_as_default=False, name="pedecg")
    except (OSError, ValueError) as error:
        raise PedecgError(f"{VARIABLE}: no scheduler answers at {where} ({error})") from None
    try:
        client.wait_for_workers(1, timeout=WAIT_S)
    except TimeoutError:
        client.close()
        raise PedecgError(
            f"{VARIABLE}: the scheduler at {where} has no worker after {WAIT_S:.0f} s"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=5)  # s; what is still computed is dropped


def records(function: Callable[[Any], R], items: Iterable[Any], where: str) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in order, computed by the workers of a cluster.

    A shard whose worker died is computed again by another one; the scheduler gives a shard up
    after as many dead workers as it is set to allow (Dask's ``allowed-failures``, 3).

    Parameters
    ----------
    function
        Picklable; raises on the worker what it would raise here.
    items
        One picklable item per record; taken as the workers need them.
    where
        The scheduler's address, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    PedecgError
        No scheduler or worker answers, the scheduler is lost, a worker differs from this program
        (folder, code, versions, threads), or a shard has ended every worker that took it.
    """
    home = _home()
    with _connected(where) as client:
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        print(f"cluster: {workers} workers at {where}, {client.dashboard_link}", file=sys.stderr)
        # A task, not scattered data: the scheduler can make it again where its worker died.
        task = client.submit(_same, function, pure=False)
        coming = iter(items)
        first = 1
        pending: deque[tuple[range, Future[list[R]]]] = deque()

        def submit() -> None:
            nonlocal first
            part = list(islice(coming, SHARD))
            if part:
                numbers = range(first, first + len(part))
                first += len(part)
                pending.append((numbers, client.submit(_shard, task, part, home, pure=False)))

        for _ in range(QUEUED_PER_WORKER * workers):
            submit()
        while pending:
            numbers, future = pending.popleft()
            try:
                results = future.result()
            except KilledWorker:
                raise PedecgError(
                    f"{VARIABLE}: records {numbers[0]} to {numbers[-1]} ended every worker that"
                    " took them (memory?)"
                ) from None
            except (CancelledError, CommClosedError, OSError) as error:
                of_scheduler = isinstance(error, CancelledError | CommClosedError)
                if not of_scheduler and client.status == "running":
                    raise  # the function's own
                raise _lost(f"the scheduler at {where} was lost") from None
            submit()
            yield from results
