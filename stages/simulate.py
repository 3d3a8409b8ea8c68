"""Simulate a hospital: its records in the published layout, and apart from them the truth."""

import sys
from pathlib import Path

from pedecg.core import errors, params
from pedecg.simulation import hospital_settings, zzu_cohort

# section of params.yaml -> name of its folder
FOLDERS = {"simulate": "simulated", "simulate_external": "external"}


def main() -> None:
    section = sys.argv[1]
    hospital = params.load(section, hospital_settings.SimulationSettings)

    folder = FOLDERS[section]
    zzu_cohort.write(hospital, Path("data/raw", folder), Path("data/truth", folder))


if __name__ == "__main__":
    errors.one_line(main)
