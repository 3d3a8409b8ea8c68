"""Stop in one line when the interpreter is one that pedecg is not made for."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"pedecg needs Python 3.11 to 3.13 (found {found}); try: make PYTHON=python3.11 env")
