"""Simulate children at any heart rate, with every wave known."""

from pathlib import Path

from pedecg import errors, params
from pedecg.simulation import at_rate
from pedecg.waves import library, sources


def main() -> None:
    settings = params.load("simulate", at_rate.Settings)

    library.write(sources.simulated(settings), Path("data/raw/children"))


if __name__ == "__main__":
    errors.one_line(main)
