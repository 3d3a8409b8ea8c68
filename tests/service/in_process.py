"""The service without processes: the worker's own code answers in the test's process."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from pedecg.predict import loaded_model
from pedecg.service import answer_forms, server, worker
from pedecg.service.admission import Admission
from pedecg.service.drift_monitor import DriftMonitor
from pedecg.service.drift_reference import Reference
from pedecg.service.limits import Limits
from pedecg.service.messages import Job, Reply
from pedecg.service.request_log import RequestLog
from pedecg.web import access, run_server

ADDRESS = "http://127.0.0.1:8766"


class InProcessPool:
    """As `worker_pool.WorkerPool`; `jobs` are those that came."""

    restarts, ready = 0, 1

    def __init__(self, model: Path, limits: Limits) -> None:
        self.model = loaded_model.load(model)
        self.admission = Admission(limits)
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Reply:
        self.jobs.append(job)
        return worker.reply(job, self.model)


@dataclass
class Site:
    """A running application and a client that has its token."""

    service: server.Service
    app: Any
    text: io.StringIO
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = TestClient(self.app, base_url=ADDRESS, headers=self.key)

    @property
    def key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.service.gate.token}"}

    @property
    def pool(self) -> InProcessPool:
        return self.service.pool  # type: ignore[return-value]

    def outsider(self, **headers: str) -> TestClient:
        return TestClient(self.app, base_url=ADDRESS, headers=headers, follow_redirects=False)

    def predict(self, *files: Path, accept: str = "*/*", **parameters: Any) -> Any:
        """Send one file as the body, or several as a form."""
        headers = {"accept": accept}
        if len(files) == 1:
            parameters = {"name": files[0].name, **parameters}
            data = files[0].read_bytes()
            return self.client.post("/predict", content=data, params=parameters, headers=headers)
        parts = [("file", (file.name, file.read_bytes())) for file in files]
        return self.client.post("/predict", files=parts, params=parameters, headers=headers)


def site(
    model: Path,
    folder: Path,
    limits: Limits | None = None,
    reference: Reference | None = None,
    password: str | None = None,
    alarm_once_in: int = 10_000,
) -> Site:
    """Return an application for a model."""
    limits = limits or Limits()
    pool = InProcessPool(model, limits)
    text = io.StringIO()
    service = server.Service(
        pool=pool,  # type: ignore[arg-type]
        about=answer_forms.about(pool.model),
        limits=limits,
        gate=access.Access(server.COOKIE, password),
        drift=DriftMonitor(reference, alarm_once_in, seed=0),
        log=RequestLog(text),
        folder=folder,
    )
    return Site(service, server.build(service), text)


@contextmanager
def listening(app: Any) -> Iterator[tuple[str, int]]:
    """Serve an application on a real port with the server's own protocol; yields the address."""
    sock: socket.socket = run_server.listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", http=run_server.ImpatientProtocol
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield sock.getsockname()
    finally:
        running.should_exit = True
        thread.join()
