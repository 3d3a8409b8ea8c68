"""Chromium of the system, driven by Playwright, and the application on a real port."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from pedecg.web import run_server


@contextlib.contextmanager
def serving(app: Any) -> Iterator[int]:
    """Serve an application in a thread; yields the port."""
    sock = run_server.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


class Program:
    """`pedecg review` as a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, journal: Path, *options: str) -> None:
        self._command = [
            sys.executable, "-c", "from pedecg.cli import main; main()", "review", "--port", "0",
            "--journal", str(journal), *options,
        ]  # fmt: skip
        self._folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it and return the address that it prints."""
        self.process = subprocess.Popen(
            self._command, cwd=self._folder, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = re.search(r"http://\S+", line)
            if found:
                return found.group()
        raise AssertionError("no address was printed")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


def sign_in(page: Any, address: str, name: str = "Anna") -> None:
    """Open the address as a reader, and wait for the first case."""
    page.goto(address)
    page.fill("#reader-name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-case]")


def wait_for_case(page: Any, number: int | str) -> None:
    """Wait until a case is drawn."""
    page.wait_for_selector(f'body[data-case="{number}"]')
