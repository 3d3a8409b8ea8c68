"""Read the labelled records of one folder: LUDB, QTDB, ISP or simulated children."""

import sys
from pathlib import Path

from pedecg import errors, tables
from pedecg.waves import library, sources


def main() -> None:
    root, name = Path(sys.argv[1]), sys.argv[2]
    folder = Path("data/interim/library", name)

    library.write(sources.read(root), folder)

    counts = sources.census(list(library.read(folder)))
    tables.write_metrics(counts, f"metrics/ingest/{name}.json")


if __name__ == "__main__":
    errors.one_line(main)
