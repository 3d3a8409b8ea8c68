"""A writer that is killed (SIGKILL) while it writes, many times; whether a file was ever half new.

    python killed_writer.py KIND FOLDER KILLS

Prints how many kills hit an unfinished write, and how many left the older, the newer and any other
content. It is a process of its own with one thread, so that it may fork: a fork starts in a
millisecond, a new process that imports pandas in seconds.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.core import tables

ROWS = 20_000  # so that a write lasts long enough to be killed in
SLOW_PARTS, PART_S = 20, 0.005  # text is written in so many parts, with a pause after each
LONGEST_DELAY_S = 0.05  # from the first part of the temporary file to the kill

Write = Callable[[int, Path], None]


@cache
def version(number: int) -> pd.DataFrame:
    """Return version 0 or 1 of the table; they differ in every row and in length."""
    rng = np.random.default_rng(number)
    patients = rng.integers(0, 10**12, ROWS + 1000 * number).astype(str)
    records = np.arange(len(patients)).astype(str)
    return pd.DataFrame({"record_id": records, "patient_id": patients, "split": "train"})


WRITERS: dict[str, Write] = {
    "parquet": lambda number, file: tables.write(version(number), file, tables.SPLITS),
    "csv": lambda number, file: tables.write_csv(version(number), file),
    "json": lambda number, file: tables.write_metrics(
        {str(row[0]): str(row[1]) for row in version(number).to_numpy()}, file
    ),
}


def slow_write_text(file: Path, text: str, encoding: str) -> int:
    """Write as `Path.write_text` does, on a slow disk."""
    part = len(text) // SLOW_PARTS + 1
    with file.open("w", encoding=encoding) as stream:
        for start in range(0, len(text), part):
            stream.write(text[start : start + part])
            stream.flush()
            time.sleep(PART_S)
    return len(text)


def in_a_child(action: Callable[[], None]) -> int:
    """Start an action in a forked process; return the id of the process."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return child


def kill_while_writing(write: Write, file: Path, delay_s: float) -> bool:
    """Kill a process that rewrites a file again and again; return whether a write was unfinished.

    Raises
    ------
    TimeoutError : no write began within 30 s.
    """

    def rewrite_for_ever() -> None:
        Path.write_text = slow_write_text  # type: ignore[assignment,method-assign]
        while True:
            write(1, file)
            write(0, file)

    child = in_a_child(rewrite_for_ever)
    give_up = time.monotonic() + 30
    while not list(file.parent.glob(f".{file.name}.*")):
        if time.monotonic() > give_up:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError("no write began")
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    unfinished = list(file.parent.glob(f".{file.name}.*"))
    for part in unfinished:
        part.unlink()
    return bool(unfinished)


def main(kind: str, folder: Path, kills: int) -> None:
    write, file = WRITERS[kind], folder / "written"
    for number in (0, 1):
        version(number)  # once, before the forks
        os.waitpid(in_a_child(partial(write, number, folder / f"version{number}")), 0)
    versions = [(folder / f"version{number}").read_bytes() for number in (0, 1)]
    file.write_bytes(versions[0])
    counts = {"unfinished": 0, "older": 0, "newer": 0, "other": 0}
    delays = np.linspace(0, LONGEST_DELAY_S, kills)
    for delay_s in delays:
        counts["unfinished"] += kill_while_writing(write, file, delay_s)
        content = file.read_bytes()
        known = dict(zip(versions, ("older", "newer"), strict=True))
        counts[known.get(content, "other")] += 1
    print(*counts.values())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
