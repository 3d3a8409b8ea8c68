"""The runner of a bundle, in a process that cannot import pedecg."""

import subprocess
import sys
from pathlib import Path

# -I hides PYTHONPATH and the user's packages; a finder in front hides what is installed.
ALONE = """
import runpy, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
HIDDEN, sys.argv = sys.argv[1].split(), sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


HIDDEN = "pedecg torch pydantic sklearn matplotlib safetensors onnx joblib"


def alone(
    bundle: Path, *arguments: object, hidden: str = f"{HIDDEN} pandas wfdb"
) -> "subprocess.CompletedProcess[str]":
    """Call the runner as a user without pedecg would, in a process that cannot import pedecg."""
    command = [sys.executable, "-I", "-c", ALONE, hidden, bundle / "run.py", *arguments]
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={}, cwd="/", check=False
    )
