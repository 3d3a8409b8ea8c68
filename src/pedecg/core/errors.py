"""Errors that a user can correct, reported in one line."""

import sys
from collections.abc import Callable


class PedecgError(Exception):
    """A fault of the run (parameter, file, column), not of the program.

    The message is one line that names the place, what was found and what was expected:
    ``AttributesDictionary.csv: column 'Age' not found; columns are Filename, ECG_ID, …``
    """


def one_line(main: Callable[[], None]) -> None:
    """Run a stage's ``main``; a `PedecgError` ends the process with its line and exit status 1."""
    try:
        main()
    except PedecgError as fault:
        print(f"error: {fault}", file=sys.stderr)
        sys.exit(1)
