"""Read the labelled records of one folder: LUDB, QTDB, ISP, RDB or simulated children."""

from pathlib import Path

from pedecg.core import errors, stage_item, tables
from pedecg.delineator import annotated_library, annotation_sources


def main() -> None:
    name, root = annotation_sources.source(stage_item.key())
    folder = Path("data/interim/library", name)

    annotated_library.write(annotation_sources.read(root), folder)

    counts = annotation_sources.census(list(annotated_library.read(folder)))
    tables.write_metrics(counts, f"metrics/ingest/{name}.json")


if __name__ == "__main__":
    errors.one_line(main)
