"""Split labelled records into training, validation and test sets."""

from pathlib import Path

from pedecg.core import errors, params, tables
from pedecg.delineator import annotated_library, record_split


def main() -> None:
    settings = params.load("split", record_split.Settings)
    # By name, since the folder may still hold what another experiment read.
    names = ["cohort", *params.read_section("cohort.also")]
    records = annotated_library.table(Path("data/interim/library"), names)

    assignment = record_split.by_record(records, settings)

    tables.write(assignment, "data/interim/splits.parquet", tables.SPLITS)


if __name__ == "__main__":
    errors.one_line(main)
