"""Which training made a network in ``models/``, noted outside it, in ``state/trained``.

A hybrid takes a network of the run that the very same training made, see `fit.fit`. The note is no
part of the model: a change of code that gives the same weights must give the same files.
"""

import json
from pathlib import Path

import pandas as pd

from pedecg.core import atomic_files, checksums, folder_hashes
from pedecg.core.errors import PedecgError
from pedecg.learning import trained_network
from pedecg.learning.trained_network import Trained

FOLDER = Path("state/trained")
CURVES = "curves.csv"


def write(model: Path, key: str, folder: Path = FOLDER) -> None:
    """Note the training of the network in a folder ``models/<name>/seed<k>``.

    Parameters
    ----------
    key : of the training, see `training_task.Task.key`.
    """
    note = {"training_key": key, "hashes": checksums.of_file(model / folder_hashes.FILE)}
    atomic_files.write_text(json.dumps(note) + "\n", _file(model, folder))


def taken(
    model: Path, key: str, accelerator: str, folder: Path = FOLDER
) -> tuple[Trained, pd.DataFrame] | None:
    """Return the network in a folder and its curves, if this training made it, or None.

    Parameters
    ----------
    accelerator : auto, cpu, cuda or mps; where the network computes.
    """
    try:
        note = json.loads(_file(model, folder).read_text(encoding="utf-8"))
        if note != {
            "training_key": key,
            "hashes": checksums.of_file(model / folder_hashes.FILE),
        }:
            return None
        return trained_network.load(model, accelerator=accelerator), pd.read_csv(model / CURVES)
    except (PedecgError, OSError, ValueError, RecursionError):  # none, or one is being written
        return None


def _file(model: Path, folder: Path) -> Path:
    return folder / f"{model.parent.name}-{model.name}.json"
