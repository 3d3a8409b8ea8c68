"""A process that answers one request after the other; nothing it opens can harm the server.

A file from outside is decoded here only. What a decoder does with a damaged file ends with this
process: memory is limited, the parent stops it after a time limit, and it writes nothing.
"""

import contextlib
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from pedecg.core import freed_memory
from pedecg.core.errors import PedecgError
from pedecg.service.messages import Broken, Job, Refused, Reply

GIGABYTE = 10**9  # bytes


def main(connection: Connection, model_folder: Path, memory_gb: float) -> None:
    """Load the model, report it, and answer jobs until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's; it closes the connection
    _be_quiet()
    freed_memory.keep()
    from pedecg.predict import loaded_model
    from pedecg.service import answer_forms

    try:
        model = loaded_model.load(model_folder)
    except PedecgError as fault:
        connection.send(Refused("model", str(fault)))
        return
    _limit_memory(memory_gb)
    connection.send(answer_forms.about(model))
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            job = connection.recv()
            connection.send(reply(job, model))


def reply(job: Job, model: object) -> Reply:
    """Return the answer of a job, or why there is none; never raises."""
    from pedecg.cohorts.record_faults import RecordFault
    from pedecg.service import answer_forms

    try:
        return answer_forms.done(job, model)  # type: ignore[arg-type]
    except RecordFault as fault:
        return Refused(fault.reason, fault.detail)
    except PedecgError as fault:
        return Refused("unusable-request", str(fault))
    except MemoryError:
        return Refused("too-large", "the recording needs more memory than a request may use")
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = "" if frame is None else f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        return Broken(type(error).__name__, place)


def _be_quiet() -> None:
    """Send all output to nowhere: warnings of libraries may quote a file."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _limit_memory(gigabytes: float) -> None:
    import psutil

    held = psutil.Process().memory_info().vms
    most = held + round(gigabytes * GIGABYTE)
    with contextlib.suppress(ValueError, OSError):  # a stricter limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
