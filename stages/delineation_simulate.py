"""Simulate children at any heart rate, with every wave known."""

from pathlib import Path

from pedecg.core import errors, params
from pedecg.delineator import annotated_library, simulated_records


def main() -> None:
    settings = params.load("simulate", simulated_records.Settings)

    annotated_library.write(simulated_records.labelled(settings), Path("data/raw/children"))


if __name__ == "__main__":
    errors.one_line(main)
