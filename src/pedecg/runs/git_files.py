"""What git holds of a pipeline's runs, read by few calls."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.runs.lock_file import LOCK

METRICS = "metrics"
NO_REPOSITORY = (
    "no git repository, which DVC needs (an archive has none); clone it with git, "
    "or: git init && git add -A && git commit -m 'as downloaded'"
)


class Git:
    """Git in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, check: bool = True, send: str | None = None) -> str:
        """Run a git command and return its standard output; empty if it fails and `check` is off.

        Parameters
        ----------
        send : text for standard input.

        Raises
        ------
        PedecgError
            Git is not installed, or the command fails.
        """
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self.folder, input=send, capture_output=True,
                text=True, check=False, env=os.environ | {"LC_ALL": "C"},
            )  # fmt: skip
        except FileNotFoundError:
            raise PedecgError("git: not found; runs are kept in git") from None
        if check and "not a git repository" in done.stderr:
            raise PedecgError(f"{self.folder.resolve()}: {NO_REPOSITORY}")
        if check and done.returncode:
            raise PedecgError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")
        return done.stdout if done.returncode == 0 else ""

    def date(self, commit: str) -> str:
        """Return the committer date of a commit, ISO 8601."""
        return self("show", "-s", "--format=%cI", commit).strip()

    def files(self, commit: str) -> dict[str, str]:
        """Return path and object of the files that tell a run, relative to the folder."""
        wanted = (str(params.PARAMS_FILE), LOCK, METRICS)
        lines = self("ls-tree", "-r", commit, "--", *wanted).splitlines()
        entries = (line.split("\t", 1) for line in lines)
        return {path: about.split()[2] for about, path in entries}

    def contents(self, objects: Iterable[str]) -> dict[str, bytes]:
        """Return the bytes of many objects by one call."""
        requested = list(dict.fromkeys(objects))
        done = subprocess.run(
            ["git", "cat-file", "--batch"], cwd=self.folder, input="\n".join(requested).encode(),
            capture_output=True, check=True,
        )  # fmt: skip
        found, at = {}, 0
        for name in requested:
            end = done.stdout.index(b"\n", at)
            size = int(done.stdout[at:end].split()[2])
            found[name] = done.stdout[end + 1 : end + 1 + size]
            at = end + 2 + size
        return found

    def queued(self) -> int:
        """Return how many experiments wait in DVC's queue, which is a stash of git."""
        return len(self("reflog", "show", "refs/exps/celery/stash", "--", check=False).splitlines())
