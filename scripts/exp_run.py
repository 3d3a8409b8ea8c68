"""Run a pipeline as an experiment with the parameters of a preset.

    python scripts/exp_run.py pipelines/delineation/presets/shipped.yaml [-S key=value …] [stage …]

A preset holds dotted keys and values; it lies in ``presets/`` of its pipeline. The command that is
run is printed, so that it can be changed and typed.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def overrides(key: str, value: Any) -> Iterator[str]:
    """Yield ``key=value`` in the grammar of ``dvc exp run -S``, one for each leaf of a mapping.

    A mapping may get keys that it does not have yet (``++``); any other key must be there.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"++{key}.{name}={_plain(inner)}"
    else:
        yield f"{key}={_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_plain, value)) + "]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", type=Path)
    parser.add_argument("-S", dest="sets", metavar="key=value", action="append", default=[],
                        help="one more parameter, as of dvc exp run")  # fmt: skip
    parser.add_argument("stages", nargs="*", help="up to these stages; all where none is named")
    arguments = parser.parse_intermixed_args()
    values = YAML(typ="safe", pure=True).load(arguments.preset.read_text(encoding="utf-8"))
    sets = [part for item in values.items() for one in overrides(*item) for part in ("-S", one)]
    sets += [part for one in arguments.sets for part in ("-S", one)]
    command = ["dvc", "exp", "run", *sets, *arguments.stages]
    os.chdir(arguments.preset.resolve().parents[1])
    print(shlex.join(command), file=sys.stderr)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
