"""Which model, seed or data set a stage works on.

A stage of a matrix has ``${item}`` in its command. DVC forms ``--model NAME --seed N`` of it and
quotes every text for the shell, so that a value of params.yaml never becomes a command. (A single
``${item.seed}`` would stand there unquoted.) The stage checks the values here before it forms a
path of them.
"""

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from pedecg.core import experiment, names
from pedecg.core.errors import STAGE, PedecgError

_WHOLE = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Item:
    """One combination of a matrix; what its stage does not have is "" and -1."""

    model: str = ""
    seed: int = -1


def read(*options: str) -> Item:
    """Return the values of this stage's command line; `options` are ``model``, ``seed`` or both.

    Raises
    ------
    PedecgError
        The model is no name, the seed no whole number, or an option is absent.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    for option in options:
        parser.add_argument(f"--{option}", required=True)
    try:
        found, _ = parser.parse_known_args(sys.argv[1:])
    except argparse.ArgumentError as error:
        raise PedecgError(f"{sys.argv[0]}: {error}") from None
    except SystemExit:
        wanted = " ".join(f"--{option} …" for option in options)
        raise PedecgError(f"{sys.argv[0]}: expected {wanted}") from None
    model, seed = getattr(found, "model", ""), getattr(found, "seed", "")
    if "model" in options and not experiment.is_model_name(model):
        raise PedecgError(f"--model {model!r}: expected letters, digits and underscores")
    if "seed" in options and not _WHOLE.fullmatch(seed):
        raise PedecgError(f"--seed {seed!r}: expected a whole number from 0")
    return Item(model, int(seed) if seed else -1)


def key() -> str | None:
    """Return the key of the ``foreach`` stage that DVC runs (of ``ingest_also@ludb``: ``ludb``).

    Read from the environment, where no shell looks at it. None: the stage is no ``foreach``.
    """
    stage = os.environ.get(STAGE, "").rpartition(":")[2]  # without the path of its dvc.yaml
    _, mark, found = stage.partition("@")
    return found if mark else None


@dataclass(frozen=True)
class CohortFiles:
    """The cohort of a stage, and where its parameters and outputs are; `name` "" is internal."""

    name: str = ""

    @property
    def section(self) -> str:
        """Its section of params.yaml."""
        return f"external_cohorts.{self.name}" if self.name else "cohort"

    @property
    def folder(self) -> Path:
        """The folder of its tables and signals."""
        return Path("data/external_cohorts", self.name) if self.name else Path("data")

    def metrics(self, step: str) -> tuple[str, str]:
        """Return the metrics file of a step (``ingest``), and its name among the schemas."""
        kind = f"{step}_external" if self.name else step
        return "/".join(("metrics", *filter(None, (kind, self.name)))) + ".json", kind


def cohort() -> CohortFiles:
    """Return the cohort that a stage works on: an external one in a ``foreach`` stage.

    Raises
    ------
    PedecgError
        The key of the stage is no name that can be part of a file name.
    """
    name = key()
    if name is None:
        return CohortFiles()
    why = "is empty" if not name else names.fault(name)
    if why:
        raise PedecgError(
            f"external_cohorts: name {name[:40]!r} {why}; expected letters, digits, _"
        )
    return CohortFiles(name)
