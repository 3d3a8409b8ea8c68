"""Worker processes, each started anew after it has ended or was stopped."""

import asyncio
import multiprocessing
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from pedecg.core.errors import PedecgError
from pedecg.service import worker
from pedecg.service.admission import Admission
from pedecg.service.limits import Limits
from pedecg.service.messages import About, Broken, Done, Job, Refused, Reply

START_WITHIN_S = 180.0  # to import torch and load a model on a busy machine


class _Worker:
    """One process; started anew after it has ended or was stopped."""

    def __init__(self, model: Path, memory_gb: float) -> None:
        self._arguments = (model, memory_gb)
        self.restarts = -1
        self._closed = False
        self.about: About | None = None
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")  # fork would copy the server's connections
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=worker.main, args=(theirs, *self._arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self._connection: Connection = ours
        self.about = None
        self.restarts += 1

    def wait_until_ready(self) -> None:
        if self.about is not None:
            return
        first = self._receive(START_WITHIN_S)
        if isinstance(first, Refused):
            raise PedecgError(first.detail)
        if not isinstance(first, About):
            raise PedecgError(f"a worker did not start within {START_WITHIN_S:g} s")
        self.about = first

    def ask(self, job: Job, within_s: float) -> Reply:
        try:
            self.wait_until_ready()
            self._connection.send(job)
            found = self._receive(within_s)
        except (PedecgError, OSError):
            found = None
        if isinstance(found, Done | Refused | Broken):
            return found
        ended = not self._process.is_alive()
        self._end()
        if not self._closed:
            self.start()
        if ended:
            return Refused("worker-ended", "the file ended the process that read it")
        return Refused("too-slow", f"no answer within {within_s:g} s; is the recording very long?")

    def close(self) -> None:
        self._closed = True
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    @property
    def process_id(self) -> int | None:
        return self._process.pid

    def _receive(self, within_s: float) -> object:
        with suppress(EOFError, OSError):
            if self._connection.poll(within_s):
                return self._connection.recv()
        # A process that died closes its end a moment before it can be seen to be dead.
        self._process.join(0.2)
        return None


class WorkerPool:
    """Workers, and the places of those who wait for them."""

    def __init__(self, model: Path, limits: Limits) -> None:
        """Start the workers; `wait_until_ready` says whether the model could be loaded."""
        self._limits = limits
        self._workers = [_Worker(model, limits.memory_gb) for _ in range(limits.workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for one in self._workers:
            self._idle.put(one)
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="worker")
        self.admission = Admission(limits)

    def wait_until_ready(self) -> About:
        """Return what the workers loaded; raises `PedecgError` where a model cannot be loaded."""
        for one in self._workers:
            one.wait_until_ready()
        about = self._workers[0].about
        assert about is not None
        return about

    @property
    def ready(self) -> int:
        """How many workers have loaded the model."""
        return sum(one.about is not None for one in self._workers)

    @property
    def restarts(self) -> int:
        """How many workers had to be started anew."""
        return sum(one.restarts for one in self._workers)

    @property
    def process_ids(self) -> list[int]:
        """Of the workers that run."""
        return [one.process_id for one in self._workers if one.process_id is not None]

    async def run(self, job: Job) -> Reply:
        """Answer one job as soon as a worker is free."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, job)

    def close(self) -> None:
        """Stop all workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for one in self._workers:
            one.close()

    def _answer(self, job: Job) -> Reply:
        one = self._idle.get()
        try:
            begun = time.monotonic()
            reply = one.ask(job, self._limits.answer_within_s)
            self.admission.took(time.monotonic() - begun)
            return reply
        finally:
            self._idle.put(one)
