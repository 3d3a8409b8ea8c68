"""Read the labelled records of one folder: LUDB, QTDB, ISP or simulated children."""

import sys
from pathlib import Path

from pedecg.core import errors, tables
from pedecg.delineator import annotated_library, annotation_sources


def main() -> None:
    root, name = Path(sys.argv[1]), sys.argv[2]
    folder = Path("data/interim/library", name)

    annotated_library.write(annotation_sources.read(root), folder)

    counts = annotation_sources.census(list(annotated_library.read(folder)))
    tables.write_metrics(counts, f"metrics/ingest/{name}.json")


if __name__ == "__main__":
    errors.one_line(main)
