"""Run a pipeline as an experiment with the parameters of a preset.

    python scripts/exp_run.py pipelines/delineation/presets/shipped.yaml [stage …]

A preset holds dotted keys and values; it lies in ``presets/`` of its pipeline. The command that is
run is printed, so that it can be changed and typed.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def override(key: str, value: Any) -> str:
    """Return ``key=value`` in the grammar of ``dvc exp run -S``."""
    return f"{key}={_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_plain(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_plain, value)) + "]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", type=Path)
    parser.add_argument("stages", nargs="*", help="up to these stages; all where none is named")
    arguments = parser.parse_args()
    values = YAML(typ="safe", pure=True).load(arguments.preset.read_text(encoding="utf-8"))
    sets = [part for item in values.items() for part in ("-S", override(*item))]
    command = ["dvc", "exp", "run", *sets, *arguments.stages]
    os.chdir(arguments.preset.resolve().parents[1])
    print(shlex.join(command), file=sys.stderr)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
