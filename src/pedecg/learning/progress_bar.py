"""Progress bar of a training, with the remaining time."""

import sys
from typing import Any

from tqdm import tqdm


def bar(total: int, what: str, done: int, silent: bool = False) -> "tqdm[Any]":
    """Return a bar that stands at `done` of `total` steps; in a log file, a line every 15 s."""
    quiet = not sys.stderr.isatty()
    return tqdm(
        total=total, desc=what, initial=done, unit="step", mininterval=15.0 if quiet else 0.2,
        ascii=quiet, disable=silent,
    )  # fmt: skip
