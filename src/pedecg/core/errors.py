"""Errors that a user can correct, reported in one line."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from pedecg.core import names

STAGE = "DVC_STAGE"  # DVC sets it for the commands of a pipeline
_LOOK_S = 1.0  # between two looks at whether the parent is still there


class PedecgError(Exception):
    """A fault of the run (parameter, file, column), not of the program.

    The message is one line that names the place, what was found and what was expected:
    ``AttributesDictionary.csv: column 'Age' not found; columns are Filename, ECG_ID, …``
    """


def one_line(main: Callable[[], None]) -> None:
    """Run a stage's ``main``; a fault of the run ends the process with its line, exit status 1.

    So do a full disk, a folder that may not be written and memory that ends. SIGTERM ends the
    process in good order: what it was writing is removed, its workers end. A stage that DVC has
    started ends with DVC, however DVC ends.
    """
    if threading.current_thread() is threading.main_thread():
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _end)
        if STAGE in os.environ:
            end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    fault = ""
    try:
        main()
    except PedecgError as error:
        fault = str(error)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # nobody reads the output any more
        place = f"{error.filename}: " if error.filename else ""
        fault = f"{place}{error.strerror or error}"
    except MemoryError:
        fault = "out of memory"
    if fault:  # reported after the except block, when progress bars have ended their line
        _report(fault)


def end_with_parent(end: Callable[[], None], parent: int | None = None) -> None:
    """Call `end` from a thread of its own soon after the parent process is gone.

    Parameters
    ----------
    parent : process id of the parent, where it could be gone already.
    """
    expected = parent or os.getppid()

    def watch() -> None:
        while os.getppid() == expected:
            time.sleep(_LOOK_S)
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _report(fault: str) -> None:
    print(f"error: {names.visible(' '.join(fault.split()))}", file=sys.stderr)
    sys.exit(1)
