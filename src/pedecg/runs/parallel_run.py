"""`dvc repro` with several stages at a time.

The order is that of DVC's graph: a stage begins when those that it depends on have ended. Each
stage is checked, restored, run and committed by DVC, in a worker process (`stage_worker`), so that
its cache, run cache and ``dvc.lock`` end as after a serial `dvc repro`.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from pedecg.core import parallel
from pedecg.core.errors import PedecgError
from pedecg.runs import lock_order, stage_worker

_END_S = 15.0  # that workers have to end their commands and commit, before they are killed
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Report = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """The stages of a run, in the order of `dvc repro`.

    Attributes
    ----------
    files : the ``dvc.yaml`` and ``.dvc`` files of the stages.
    needs : the stages of the plan that have to end before a stage begins.
    inputs : those whose failure keeps a stage from being run: `needs`, but none of a frozen stage.
    unchanged : stages that need not be run, found by DVC before the run.
    logs : folder for the output of the stages.
    """

    files: list[str]
    needs: dict[str, set[str]]
    inputs: dict[str, set[str]]
    unchanged: set[str]
    logs: Path


@dataclass
class _Worker:
    process: BaseProcess
    channel: Connection
    stage: str = ""
    started: float = 0.0


@dataclass
class _State:
    waiting: list[str]
    ended: set[str]
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def run(targets: Sequence[str], jobs: int, report: Report) -> list[str]:
    """Reproduce the pipeline in the working directory, or `targets` and what they depend on.

    Parameters
    ----------
    targets : stages as `dvc repro` takes them; none: the whole ``dvc.yaml``.
    jobs : stages at a time, ≥ 1.
    report : takes each line of progress.

    Returns
    -------
    The stages that were run or restored.

    Raises
    ------
    PedecgError
        DVC finds no valid pipeline here, or stages failed: which, why, and which were not run.
    """
    with _repository() as repository:
        plan, order = read_plan(repository, targets)
        report(f"{len(plan.needs)} stages, {len(plan.unchanged)} of them unchanged")
        state = _State([n for n in plan.needs if n not in plan.unchanged], set(plan.unchanged))
        try:
            changed = _work(plan, state, jobs, report)
        finally:
            order.restore(complete=not (state.waiting or state.failed or state.skipped))
    if state.failed:
        raise PedecgError(_faults(state))
    return changed


def _work(plan: Plan, state: _State, jobs: int, report: Report) -> list[str]:
    """Reproduce the stages of a plan; return those that were run or restored."""
    changed: list[str] = []
    workers: list[_Worker] = []
    with _sigterm_as_ctrl_c():
        try:
            while state.waiting or any(worker.stage for worker in workers):
                _start(plan, state, workers, jobs)
                if any(worker.stage for worker in workers):  # not: all that was left is skipped
                    changed += _collect(plan, state, workers, report)
        except KeyboardInterrupt:
            running = [worker.stage for worker in workers if worker.stage]
            report(f"Interrupted; ending {', '.join(running) or 'the workers'}")
            raise
        finally:
            _end(workers)
    return changed


def shares(running: int, ready: int, jobs: int) -> int:
    """Return how many stages share the cores when `ready` more could begin, ≥ 1."""
    return max(1, min(jobs, running + ready))


def read_plan(repository: Any, targets: Sequence[str]) -> tuple[Plan, lock_order.LockOrder]:
    """Return the stages that `dvc repro` would go through, and the order of their lock files."""
    from dvc.repo import lock_repo
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    with lock_repo(repository):
        whole = repository.index.graph
        graph = get_active_graph(whole)
        stages = plan_repro(graph, collect_stages(repository, targets or ["dvc.yaml"]))
        unchanged: set[str] = set()
        for stage in stages:
            before = {each.addressing for each in graph.successors(stage)}
            if before <= unchanged and not stage.changed():
                unchanged.add(stage.addressing)
        names = {stage.addressing for stage in stages}
        # DVC goes through the items of a matrix in any order; here as they are listed, so that a
        # hybrid finds the network that stands before it.
        listed = {stage.addressing: n for n, stage in enumerate(repository.index.stages)}
        in_order = sorted(stages, key=lambda stage: listed[stage.addressing])
        logs = Path(repository.tmp_dir) / "run_jobs"
        logs.mkdir(exist_ok=True)
        plan = Plan(
            files=sorted({os.path.relpath(stage.path) for stage in stages}),
            needs={s.addressing: {n.addressing for n in whole.successors(s)} & names
                   for s in in_order},
            inputs={s.addressing: {n.addressing for n in graph.successors(s)} for s in stages},
            unchanged=unchanged,
            logs=logs,
        )  # fmt: skip
        return plan, lock_order.LockOrder(repository, stages, logs / "lock_order.json")


@contextmanager
def _repository() -> Iterator[Any]:
    """Open DVC's repository; what it finds wrong is one line."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(_wait_for_lock=True) as repository:
            yield repository
    except DvcException as error:
        raise PedecgError(" ".join(str(error).split())) from None


def _start(plan: Plan, state: _State, workers: list[_Worker], jobs: int) -> None:
    """Hand out the stages that can begin, in the order of ``dvc.yaml``."""
    for name in list(state.waiting):
        if plan.inputs[name] & (state.failed.keys() | set(state.skipped)):
            state.waiting.remove(name)
            state.skipped.append(name)
            state.ended.add(name)
    ready = [name for name in state.waiting if plan.needs[name] <= state.ended]
    running = sum(bool(worker.stage) for worker in workers)
    environment = _environment(shares(running, len(ready), jobs))
    for name in ready[: jobs - running]:
        worker = next((each for each in workers if not each.stage), None)
        if worker is None:
            workers.append(worker := _new_worker(plan))
        state.waiting.remove(name)
        worker.stage, worker.started = name, time.monotonic()
        worker.channel.send(stage_worker.Task(name, _log(plan, name), environment))


def _environment(stages: int) -> dict[str, str]:
    """Return the variables by which one of so many stages takes its part of the cores."""
    part = str(max(1, parallel.jobs() // stages))
    chosen = {name: part for name in _THREADS if name not in os.environ}
    # A waiting OpenMP thread frees its core soon: several stages may have more threads than cores.
    return {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000")} | chosen | {
        "PEDECG_JOBS": part
    }  # fmt: skip


def _new_worker(plan: Plan) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=stage_worker.serve, args=(theirs, plan.files, plan.logs / "turn", os.getpid())
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # until it has a session of its own
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Worker(process, ours)


def _collect(plan: Plan, state: _State, workers: list[_Worker], report: Report) -> Iterator[str]:
    """Wait until a stage ends, and yield the names of those that were run or restored."""
    busy = {worker.channel: worker for worker in workers if worker.stage}
    for channel in wait(list(busy)):
        worker = busy[channel]  # type: ignore[index]
        name, seconds = worker.stage, time.monotonic() - worker.started
        try:
            result = worker.channel.recv()
        except (EOFError, ConnectionResetError):
            workers.remove(worker)
            _kill(worker)
            result = stage_worker.Result(
                changed=True, fault="its process was killed, often for lack of memory"
            )
        worker.stage = ""
        state.ended.add(name)
        if result.changed:
            output = _log(plan, name).read_text(encoding="utf-8", errors="replace").strip()
            report(output)
        if result.fault:
            state.failed[name] = result.fault
            report(f"Stage '{name}' failed after {seconds:.1f} s: {result.fault}\n")
        else:
            still = len(state.waiting) + sum(bool(each.stage) for each in workers)
            done = f"done in {seconds:.1f} s" if result.changed else "unchanged"
            report(f"Stage '{name}' {done}; {still} to go\n")
            if result.changed:
                yield name


def _log(plan: Plan, name: str) -> Path:
    return plan.logs / f"{name.replace(os.sep, '_').replace(':', '_')}.log"


def _end(workers: list[_Worker]) -> None:
    """End the workers: those at work end their commands, and commit what has ended."""
    for worker in workers:
        worker.channel.close()
        if worker.stage:
            worker.process.terminate()
    until = time.monotonic() + _END_S
    for worker in workers:
        worker.process.join(max(0.0, until - time.monotonic()))
        _kill(worker)


def _kill(worker: _Worker) -> None:
    """End whatever is left of a worker and its commands."""
    number = worker.process.pid
    if number is not None and os.getpgid(0) != number:
        with suppress(ProcessLookupError, PermissionError):  # none is left
            os.killpg(number, signal.SIGKILL)
    worker.process.join()


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _faults(state: _State) -> str:
    causes = "; ".join(f"{name}: {fault}" for name, fault in state.failed.items())
    without = f"; not run, since they need it: {', '.join(state.skipped)}" if state.skipped else ""
    return f"failed: {causes}{without}"
