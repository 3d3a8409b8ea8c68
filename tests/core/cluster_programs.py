"""A scheduler and workers as processes of their own, and what the workers compute in tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pedecg.core.errors import PedecgError

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


def square(number: int) -> int:
    return number * number


def where(_: int) -> tuple[str, int]:
    """Return the folder and the process that computed this."""
    return str(Path.cwd()), os.getpid()


def slowly(number: int) -> int:
    time.sleep(0.05)
    return number


def dies_once(marks: str, number: int) -> int:
    """Return the square; the first process that takes number 20 is killed at once."""
    mark = Path(marks) / "died"
    if number == 20 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def dies(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuses(number: int) -> int:
    if number == 3:
        raise PedecgError("record r3: no lead")
    return number


@dataclass
class Cluster:
    """Programs of a cluster; `address` is the scheduler's."""

    address: str
    folder: Path
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start ``python -m distributed.cli.…`` in the cluster's folder; what it prints is kept."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(SOURCE), str(HERE)]),
            # Two deaths of a worker on one shard are one too many: the default, 3, takes longer.
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "spawn",
        }
        environment.pop("DASK_SCHEDULER_ADDRESS", None)
        log = (self.folder / f"{len(self.programs)}.log").open("wb")
        program = subprocess.Popen(
            [*prefix, sys.executable, "-m", *words],
            cwd=self.folder, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        self.programs.append(program)
        return program

    def scheduler(self, *, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        return self.start(
            "distributed.cli.dask_scheduler", "--host", self.address.split("//")[1].split(":")[0],
            "--port", self.address.rsplit(":", 1)[1], "--no-dashboard", prefix=prefix,
        )  # fmt: skip

    def worker(self, *, threads: int = 1, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        return self.start(
            "distributed.cli.dask_worker", self.address, "--nthreads", str(threads),
            "--no-dashboard", "--local-directory", str(self.folder), prefix=prefix,
        )  # fmt: skip

    def stop(self) -> None:
        for program in reversed(self.programs):
            program.terminate()
        for program in self.programs:
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait(10)
