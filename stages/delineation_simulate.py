"""Simulate children at any heart rate, with every wave known."""

from pathlib import Path

from pedecg import errors, params
from pedecg.waves import children, library


def main() -> None:
    settings = params.load("simulate", children.Settings)

    library.write(children.labelled(settings), Path("data/raw/children"))


if __name__ == "__main__":
    errors.one_line(main)
