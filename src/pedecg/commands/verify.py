"""`pedecg verify`: compare the results of the last run with the committed ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pedecg.core.errors import PedecgError


def verify(
    against: Annotated[str, typer.Option(help="the commit to compare with")] = "HEAD",
    every: Annotated[
        bool, typer.Option("--all", help="list the outputs with the same bytes, too")
    ] = False,
) -> None:
    """Compare the outputs of the last run with the committed ones; exit 1 where one differs."""
    from pedecg.runs import verify as verification
    from pedecg.runs.git_files import Git

    Git(Path())("rev-parse", "--git-dir")  # an archive without git history ends here
    found = verification.verify(_changed(), against)
    for one in found:
        if every or one.status != "same bytes":
            typer.echo(f"{one.status:16}  {one.output}{f': {one.detail}' if one.detail else ''}")
    counts = {
        status: sum(one.status == status for one in found)
        for status in ("same bytes", "within tolerance", "not compared", "different")
    }
    outcome = ", ".join(f"{count} {status}" for status, count in counts.items())
    typer.echo(f"{len(found)} outputs against {against}: {outcome}")
    if counts["different"]:
        raise typer.Exit(1)


def _changed() -> set[str]:
    """Return the outputs whose files are not those of dvc.lock, as DVC finds them."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        outcome = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise PedecgError(f"dvc status failed: {outcome[-1]}")
    stages = json.loads(done.stdout.splitlines()[-1])
    return {
        path
        for changes in stages.values()
        for change in changes
        if isinstance(change, dict)
        for path in change.get("changed outs", {})
    }
