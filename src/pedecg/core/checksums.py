"""Checksums of files, in hexadecimal."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def of_file(path: Path, kind: str = "sha256") -> str:
    """Return the checksum of a file's bytes; `kind` is a name that `hashlib` knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of one file, or of the names and hashes of several and of folders' files.

    Names count as they stand below each path, so that the place of the project does not.
    """
    files = [
        (f"{path.name}/{file.relative_to(path).as_posix()}" if path.is_dir() else path.name, file)
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    if len(files) == 1:
        return of_file(files[0][1])
    lines = sorted(f"{of_file(file)}  {name}\n" for name, file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
