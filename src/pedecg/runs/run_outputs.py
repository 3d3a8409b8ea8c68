"""Output files of a run: from disk for the workspace, from DVC's cache for a commit."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from pedecg.runs.experiment_history import WORKSPACE, Run


class Outputs(Protocol):
    """The files of one run; paths are relative to the pipeline's folder."""

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the paths that match."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes; FileNotFoundError where DVC's cache does not hold it."""


def of(run: Run, folder: Path) -> Outputs:
    """Return the files of a run of the pipeline in `folder`."""
    return _Workspace(folder) if run.name == WORKSPACE else _Commit(run.commit, folder)


class _Workspace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def glob(self, pattern: str) -> list[str]:
        return [file.relative_to(self.folder).as_posix() for file in self.folder.glob(pattern)]

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()


class _Commit:
    def __init__(self, commit: str, folder: Path) -> None:
        # DVC takes a second to import, which a list of experiments need not wait for.
        from dvc.api import DVCFileSystem
        from dvc.repo import Repo

        root = Path(Repo.find_root(str(folder)))
        self.files = DVCFileSystem(str(root), rev=commit)
        self.folder = PurePosixPath(folder.resolve().relative_to(root).as_posix())

    def glob(self, pattern: str) -> list[str]:
        from dvc_data.index import DataIndexDirError

        try:
            found = self.files.glob(str(self.folder / pattern))
        except DataIndexDirError:
            return []  # DVC's cache has lost even the list of a folder's files
        return [PurePosixPath(path).relative_to(self.folder).as_posix() for path in found]

    def read(self, path: str) -> bytes:
        return bytes(self.files.read_bytes(str(self.folder / path)))
