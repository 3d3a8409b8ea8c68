"""A process that reproduces stages one after another: what `dvc repro` does with each, by DVC.

DVC's lock of the repository is held while DVC checks a stage, takes it from the run cache, hashes
and commits it, and is free while its command runs. Several workers therefore run commands at the
same time, and write the cache and ``dvc.lock`` one at a time.
"""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from pedecg.core import errors

_LOOK_S = 0.02  # between two looks whether a worker's turn has come
_AGAIN_S = 0.2  # between two signals to the commands of a worker that is to end


@dataclass(frozen=True)
class Task:
    """One stage to reproduce.

    Attributes
    ----------
    name : as DVC addresses the stage from the working directory.
    log : file for the output of the stage.
    environment : variables of its command, besides those of the worker.
    """

    name: str
    log: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes
    ----------
    changed : False: nothing had to be done.
    fault : why the stage failed, one line; empty: it did not.
    """

    changed: bool
    fault: str = ""


class Turn:
    """DVC's lock of a repository, for which the workers of one run wait in a lock of their own.

    DVC looks only twice a second whether its lock is free. Both locks are free when their process
    is killed.

    Parameters
    ----------
    lock : DVC's.
    file : of the workers' lock.
    """

    def __init__(self, lock: Any, file: Path) -> None:
        self._lock = lock
        self._turn = FileLock(file)

    @property
    def is_locked(self) -> bool:
        """Whether this process has DVC's lock."""
        return bool(self._lock.is_locked)

    def lock(self) -> None:
        """Wait for the turn, then for DVC's lock."""
        self._turn.acquire(poll_interval=_LOOK_S)
        self._lock.lock()

    def unlock(self) -> None:
        """Free both."""
        self._lock.unlock()
        self._turn.release()

    def __enter__(self) -> None:
        self.lock()

    def __exit__(self, *_: object) -> None:
        self.unlock()


def serve(channel: Connection, files: list[str], turn: Path, coordinator: int) -> None:
    """Reproduce the stages of the tasks that come through `channel` until it is closed.

    SIGTERM and the end of the coordinator end the commands that run; a stage whose command has
    ended is committed before the process ends.

    Parameters
    ----------
    files : the ``dvc.yaml`` and ``.dvc`` files of the stages, from the working directory.
    turn : file of the workers' lock.
    coordinator : process id of the one who sends the tasks.
    """
    for stream in (sys.stdout, sys.stderr):  # in step with what the commands print
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    os.setsid()  # Ctrl-C in a terminal reaches the coordinator alone, which ends all in good order
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the commands would inherit
    signal.signal(signal.SIGTERM, lambda *_: _start_to_end())
    errors.end_with_parent(_start_to_end, coordinator)
    with ExitStack() as at_end, suppress(EOFError, BrokenPipeError):  # the coordinator has ended
        repository, stages = _load(files, turn)
        at_end.callback(repository.close)
        while task := channel.recv():
            os.environ.update(task.environment)
            with _output_to(task.log):
                result = _reproduce(repository, stages[task.name])
            channel.send(result)


def _load(files: list[str], turn: Path) -> tuple[Any, dict[str, Any]]:
    from dvc.repo import Repo

    repository = Repo(_wait_for_lock=True)
    repository.lock = Turn(repository.lock, turn)
    with repository.lock:
        return repository, {
            stage.addressing: stage for file in files for stage in repository.stage.collect(file)
        }


def _reproduce(repository: Any, stage: Any) -> Result:
    """Do for one stage what ``Repo.reproduce`` does for each."""
    from dvc.repo import lock_repo

    try:
        with lock_repo(repository), repository.scm_context(quiet=True):
            changed = stage.reproduce() is not None
            if changed:
                stage.dump(update_pipeline=False)
    except Exception as error:  # as DVC does: the fault of one stage ends no other
        return Result(changed=True, fault=" ".join(str(error).split()) or type(error).__name__)
    return Result(changed)


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Let what this process and its commands print go to a file within the block."""
    before = [os.dup(number) for number in (1, 2)]
    with log.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, old in zip((1, 2), before, strict=True):
            os.dup2(old, number)
            os.close(old)


def _start_to_end() -> None:
    threading.Thread(target=_end_commands, name="end commands", daemon=True).start()


def _end_commands() -> None:
    """End every command of this process, also one that it is only about to start."""
    this = psutil.Process()
    while True:
        for child in this.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                child.terminate()
        time.sleep(_AGAIN_S)
