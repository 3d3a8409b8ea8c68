"""Simulate recordings of one lead in the layout of PhysioNet/CinC 2017; the truth lies apart."""

from pathlib import Path

from pedecg import errors, params
from pedecg.simulation import cinc2017


def main() -> None:
    recordings = params.load("simulate", cinc2017.CincSimulationSettings)

    cinc2017.write(recordings, Path("data/raw/simulated"), Path("data/truth/simulated"))


if __name__ == "__main__":
    errors.one_line(main)
