"""Simulate recordings of one lead in the layout of PhysioNet/CinC 2017; the truth lies apart."""

from pathlib import Path

from pedecg.core import errors, params
from pedecg.simulation import cinc2017_cohort


def main() -> None:
    recordings = params.load("simulate", cinc2017_cohort.CincSimulationSettings)

    cinc2017_cohort.write(recordings, Path("data/raw/simulated"), Path("data/truth/simulated"))


if __name__ == "__main__":
    errors.one_line(main)
