"""Runs stages in forks of a process that has imported the large libraries already.

    python stage_server.py SOCKET

A stage of a small run spends most of its time on importing torch, pandas and scikit-learn. The
tests that run a few hundred stages put a command ``python`` first on PATH (`command`) that hands a
call ``python …stages/NAME.py …`` to this server: folder, arguments, environment and the three
standard streams. The fork runs the script as ``__main__``; all of pedecg is imported anew, from
where the script is. Any other call goes to the real interpreter.

That stages write the same bytes this way is held for every stage of every pipeline by
test_hermetic.py: its first run is made by the real interpreter, its second by forks.
"""

import contextlib
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Libraries whose import starts no thread and changes no state that a stage could depend on.
PRELOADED = (
    "numpy",
    "scipy.optimize",
    "scipy.signal",
    "scipy.stats",
    "pandas",
    "pandera.pandas",
    "pyarrow.parquet",
    "pydantic",
    "ruamel.yaml",
    "joblib",
    "rich.console",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.tree",
    "matplotlib.figure",
    "safetensors.torch",
    "torch",
)
CLIENT = Path(__file__).with_name("stage_client.py")
FAILED = 1


@contextlib.contextmanager
def command() -> Iterator[Path]:
    """Start a server; yield the folder of a command ``python`` that has it run the stages."""
    with tempfile.TemporaryDirectory(prefix="stages") as name:  # a socket's path must be short
        folder, address = Path(name), Path(name) / "socket"
        python, client = shlex.quote(sys.executable), shlex.quote(str(CLIENT))
        shim = folder / "python"
        shim.write_text(
            "#!/bin/sh\n"
            'case "$1" in\n'
            f'*stages/*.py) exec {python} -I -S {client} {shlex.quote(str(address))} "$@" ;;\n'
            f'*) exec {python} "$@" ;;\n'
            "esac\n"
        )
        shim.chmod(0o755)
        environment = os.environ | {"PYTHONHASHSEED": "0"}  # as Project.run sets it
        environment.pop("PYTHONPATH", None)  # each stage brings its own
        server = subprocess.Popen(
            [sys.executable, __file__, str(address)], env=environment, stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == b"ready\n", "the stage server did not start"
            yield folder
        finally:
            server.terminate()
            server.wait()


def serve(address: str) -> socket.socket:
    """Fork for each call; return the connection of a call, in its fork, and never in the server."""
    for name in PRELOADED:
        importlib.import_module(name)
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets forks that have ended
        print("ready", flush=True)
        while True:
            while not select.select([server], [], [], 5.0)[0]:
                if os.getppid() != parent:  # the tests were killed
                    os._exit(FAILED)
            connection, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return connection
            connection.close()


def run_stage(connection: socket.socket) -> None:
    """Run the script of a call as the interpreter would, and answer with its exit status."""
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as stream:
        call: dict[str, Any] = json.loads(stream.read(int.from_bytes(size, "big")))
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    script = call["arguments"][0]
    sys.argv = call["arguments"]
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:1] = [str(Path(script).parent.absolute()), *path]  # instead of this file's folder
    status = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else FAILED if end.code else 0
    except BaseException:
        traceback.print_exc()
        status = FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([status & 255]))


if __name__ == "__main__":
    run_stage(serve(sys.argv[1]))
