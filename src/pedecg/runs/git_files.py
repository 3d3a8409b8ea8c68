"""Files of a commit, as git holds them."""

import subprocess
from pathlib import Path

from pedecg.core.errors import PedecgError


class GitFiles:
    """The files of one commit that lie in or below a folder of the working tree."""

    def __init__(self, revision: str, folder: Path = Path()) -> None:
        """Raises
        ------
        PedecgError
            Git does not know the revision, or the folder is in no repository.
        """
        self.revision, self.folder = revision, folder
        if revision.startswith("-"):
            raise PedecgError(f"{revision}: not a revision of git")
        done = self._git("ls-tree", "-r", "--name-only", revision)
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
            raise PedecgError(f"{revision}: {told[0]}")
        self._names = set(done.stdout.decode().splitlines())

    def has(self, path: str) -> bool:
        """Return whether the commit holds a file; `path` is relative to the folder."""
        return path in self._names

    def text(self, path: str) -> str:
        """Return a file as text.

        Raises
        ------
        PedecgError
            The commit has no such file.
        """
        done = self._git("show", f"{self.revision}:./{path}")
        if done.returncode:
            raise PedecgError(f"{path}: not in {self.revision}; commit a finished run first")
        return done.stdout.decode()

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *arguments], cwd=self.folder, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise PedecgError("git: not found") from None
