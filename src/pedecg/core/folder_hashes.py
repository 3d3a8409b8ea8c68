"""The SHA-256 of every file of a model's folder, in a file next to them: ``hashes.json``.

It shows damage and exchanged files, not intent: who can write the folder can write the hashes too.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from pedecg.core import checksums
from pedecg.core.atomic_files import write_text
from pedecg.core.errors import PedecgError

FILE = "hashes.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def seal(folder: Path, names: Iterable[str]) -> None:
    """Write the hashes of the named files of a folder; the same files, the same bytes."""
    digests = {name: digest(folder / name) for name in sorted(names)}
    write_text(json.dumps(digests, indent=1) + "\n", folder / FILE)


def verify(folder: Path, required: Iterable[str]) -> None:
    """Check every file that the hashes name; files that they do not name are not looked at.

    Raises
    ------
    PedecgError
        A file is absent or another than was saved, a required one has no hash, or there are none.
    """
    digests = _read(folder / FILE)
    for name in required:
        if name not in digests:
            raise PedecgError(f"{folder / FILE}: no hash of {name}; train the model again")
    for name, expected in digests.items():
        if digest(folder / name) != expected:
            raise PedecgError(
                f"{folder / name}: not the file that was saved with the model (SHA-256 differs)"
            )


def digest(file: Path) -> str:
    """Return the SHA-256 of a file that a stage has written."""
    try:
        return checksums.of_file(file)
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; the stage that writes it has not run") from None


def _read(file: Path) -> dict[str, str]:
    try:
        digests = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(
            f"{file}: not found; the model has no hashes, or none was trained here"
        ) from None
    except (ValueError, RecursionError):
        digests = None
    sound = isinstance(digests, dict) and all(
        name == Path(name).name and isinstance(value, str) and _DIGEST.fullmatch(value)
        for name, value in digests.items()
    )
    if not sound:
        raise PedecgError(f"{file}: not a list of files and their SHA-256")
    return dict(digests)
