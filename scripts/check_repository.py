"""Stop in one line where DVC cannot work: without git, or in an archive that has no `.git`."""

import shutil
import sys
from pathlib import Path

if shutil.which("git") is None:
    sys.exit("git: not found; DVC needs it, install git first")
if not Path(".git").exists():
    sys.exit(
        f"{Path.cwd()}: no git repository, which DVC needs (an archive has none); clone it with "
        "git, or: git init && git add -A && git commit -m 'as downloaded'"
    )
