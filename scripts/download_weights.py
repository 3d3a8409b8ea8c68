"""Fetch the released weights of a foundation model.

    python scripts/download_weights.py ecgfounder [--to models/released] [--sha256 …] [--url …]

Prints the licence, where the file lies and its SHA-256: note the hash, and give it with `--sha256`
from then on, since no publisher states one. A download that was cut off goes on.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from pedecg.commands import download
from pedecg.core import errors
from pedecg.models.backbones.released_weights import RELEASES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=sorted(RELEASES))
    parser.add_argument("--to", type=Path, default=Path("models/released"), help="folder")
    parser.add_argument("--sha256", help="that the file must have")
    parser.add_argument("--url", help="of the file, instead of the publisher's")
    arguments = parser.parse_args()
    release = RELEASES[arguments.model]
    url = arguments.url or f"{release.url}/resolve/main/{release.file}"
    path = arguments.to / arguments.model / release.file

    print(f"{arguments.model}: licence {release.licence}")
    with tqdm(unit="B", unit_scale=True, file=sys.stderr) as bar:
        found = download.fetch(url, path, arguments.sha256, bar.update)
    print(f"{path}\nsha256 {found}")


if __name__ == "__main__":
    errors.one_line(main)
