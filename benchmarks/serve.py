"""How many ECGs per second `pedecg serve` answers, how long an answer takes, and its memory.

`python benchmarks/serve.py --model models/resnet1d_age --records FOLDER` starts the service and
sends the 12-lead ECGs of a folder, each cut to 10 s, as WFDB files: first from as many clients as
workers and two more, each of which sends its next ECG when the last is answered; then at half of
that rate, at fixed times, whatever the service does: there, the time to an answer counts from the
time at which its request was due. It prints the figures of both, the processor time of the service
per ECG, and its memory before and after. `--address` takes a service that runs already, with its
token in PEDECG_SERVE_TOKEN and the number of its process as `--pid`.
"""

import argparse
import http.client
import itertools
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import wfdb

from pedecg.cohorts import recordings
from pedecg.core.records import LEADS

TOKEN = "PEDECG_SERVE_TOKEN"
SECONDS_OF_ECG = 10.0
MEGABYTE = 1_000_000
ANSWER_WITHIN_S = 120.0


@dataclass
class Load:
    """What came back of one load."""

    seconds: float = 0.0
    answered_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    cpu_s: float = 0.0

    def row(self, name: str) -> str:
        late = sorted(self.answered_s)
        p50, p99 = (1000 * float(np.percentile(late, q)) for q in (50, 99))
        n = len(late)
        others = {status: k for status, k in self.statuses.items() if status != 200}
        cpu_ms = 1000 * self.cpu_s / n
        return (
            f"| {name} | {n} | {n / self.seconds:.1f} | {p50:.0f} | {p99:.0f} | {cpu_ms:.0f} "
            f"| {others or 'none'} |"
        )


def bodies(folder: Path, n: int, scratch: Path) -> list[bytes]:
    """Return requests of 12-lead ECGs of 10 s, each a form of two files."""
    found = []
    for place in recordings.find([folder])[0]:
        one = recordings.read(place)
        n_samples = round(SECONDS_OF_ECG * one.fs_hz)
        if one.leads != LEADS or one.signal_mv.shape[1] < n_samples:
            continue
        name = f"E{len(found):04d}"
        comment = [f"{(one.sex or 'unknown').capitalize()} {one.age_days or 1000:g}"]
        wfdb.wrsamp(
            name, one.fs_hz, ["mV"] * 12, list(one.leads), fmt=["16"] * 12, comments=comment,
            p_signal=np.nan_to_num(one.signal_mv[:, :n_samples].T.astype(np.float64)),
            write_dir=str(scratch),
        )  # fmt: skip
        found.append(form([scratch / f"{name}.hea", scratch / f"{name}.dat"]))
        if len(found) == n:
            break
    if not found:
        raise SystemExit(f"{folder}: no record of 12 leads and {SECONDS_OF_ECG:g} s")
    return found


BOUNDARY = secrets.token_hex(16)


def form(files: list[Path]) -> bytes:
    disposition = 'Content-Disposition: form-data; name="file"; filename='
    parts = [
        f'--{BOUNDARY}\r\n{disposition}"{file.name}"\r\n\r\n'.encode() + file.read_bytes() + b"\r\n"
        for file in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class Client:
    """One connection that stays open."""

    def __init__(self, address: str, token: str) -> None:
        self._host = urlsplit(address).netloc
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        self._connection = http.client.HTTPConnection(self._host, timeout=ANSWER_WITHIN_S)

    def ask(self, body: bytes) -> int:
        self._connection.request("POST", "/predict", body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


class Clients:
    """Threads that send requests and note what came back."""

    def __init__(self, address: str, token: str, requests: list[bytes], service: psutil.Process):
        self._next = itertools.cycle(requests)
        self._lock, self._own = threading.Lock(), threading.local()
        self._new = lambda: Client(address, token)
        self._service = service

    def closed(self, clients: int, seconds: float) -> Load:
        """Each client sends its next request when the last is answered."""
        load, end = Load(), time.monotonic() + seconds

        def work(_: int) -> None:
            while time.monotonic() < end:
                self._send(load, time.monotonic())

        return self._timed(load, clients, work, range(clients))

    def open(self, rate: float, seconds: float) -> Load:
        """Send at fixed times; more clients than can wait, so that none delays another."""
        load, begun = Load(), time.monotonic()
        due = [begun + k / rate for k in range(round(rate * seconds))]

        def work(at: float) -> None:
            time.sleep(max(0.0, at - time.monotonic()))
            self._send(load, at)

        return self._timed(load, 32, work, due)

    def _timed(self, load: Load, threads: int, work, each) -> Load:
        begun, cpu_s = time.monotonic(), cpu_seconds(self._service)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, each))
        load.seconds, load.cpu_s = time.monotonic() - begun, cpu_seconds(self._service) - cpu_s
        return load

    def _send(self, load: Load, due: float) -> None:
        if not hasattr(self._own, "client"):
            self._own.client = self._new()
        with self._lock:
            body = next(self._next)
        status = self._own.client.ask(body)
        with self._lock:
            load.statuses[status] = load.statuses.get(status, 0) + 1
            if status == 200:
                load.answered_s.append(time.monotonic() - due)


def processes(service: psutil.Process) -> list[psutil.Process]:
    return [service, *service.children(recursive=True)]


def cpu_seconds(service: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes(service))


def memory_mb(service: psutil.Process) -> list[int]:
    """Return the resident memory of the server and of its workers, MB."""
    return sorted(round(one.memory_info().rss / MEGABYTE) for one in processes(service))


@contextmanager
def started(model: Path, workers: int, token: str) -> Iterator[tuple[str, psutil.Process]]:
    command = [sys.executable, "-c", "from pedecg.cli import main; main()", "serve", "--port", "0",
               "--model", str(model), "--workers", str(workers)]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", TOKEN: token}
    with subprocess.Popen(
        command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                address = re.search(r"http://[^/\s?]+", line)
                if address:
                    yield address.group(), psutil.Process(process.pid)
                    break
            else:
                raise SystemExit("the service did not start; try pedecg serve by itself")
        finally:
            process.terminate()


def measure(asked: argparse.Namespace, address: str, token: str, service: psutil.Process) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        requests = bodies(asked.records, asked.different, Path(scratch))
    clients = Clients(address, token, requests, service)
    clients.closed(asked.workers, asked.warm_s)
    before = memory_mb(service)
    full = clients.closed(asked.workers + 2, asked.seconds)
    rate = asked.rate or len(full.answered_s) / full.seconds / 2
    half = clients.open(rate, asked.seconds)
    busy = statistics.mean(psutil.getloadavg()[:2])
    print(f"{len(requests)} ECGs by turns, {asked.workers} workers; load of the machine {busy:.1f}")
    print("| load | answers | ECGs per s | p50 ms | p99 ms | CPU ms per ECG | other statuses |")
    print("|---|---|---|---|---|---|---|")
    print(full.row(f"{asked.workers + 2} clients"))
    print(half.row(f"{rate:.1f} per s"))
    print(f"memory of server and workers, MB: {before} at first, {memory_mb(service)} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/resnet1d_age"))
    parser.add_argument("--records", type=Path, required=True, help="a folder of ECGs")
    parser.add_argument("--different", type=int, default=50, help="ECGs, by turns")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load")
    parser.add_argument("--warm-s", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, help="ECGs per s of the second load; default: half")
    parser.add_argument("--address", help="of a service that runs; with --pid")
    parser.add_argument("--pid", type=int)
    asked = parser.parse_args()
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(24)
    if asked.address:
        measure(asked, asked.address, token, psutil.Process(asked.pid))
        return
    with started(asked.model, asked.workers, token) as (address, service):
        measure(asked, address, token, service)


if __name__ == "__main__":
    main()
