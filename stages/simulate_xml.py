"""Simulate a hospital that stores GE MUSE XML, with a manifest; the truth is written apart."""

from pathlib import Path

from pedecg.core import errors, params
from pedecg.simulation import muse_cohort


def main() -> None:
    hospital = params.load("simulate", muse_cohort.XmlSimulationSettings)

    muse_cohort.write(hospital, Path("data/raw/simulated"), Path("data/truth/simulated"))


if __name__ == "__main__":
    errors.one_line(main)
