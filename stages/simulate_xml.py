"""Simulate a hospital that stores GE MUSE XML, with a manifest; the truth is written apart."""

from pathlib import Path

from pedecg import errors, params
from pedecg.simulation import vendor_xml


def main() -> None:
    hospital = params.load("simulate", vendor_xml.XmlSimulationSettings)

    vendor_xml.write(hospital, Path("data/raw/simulated"), Path("data/truth/simulated"))


if __name__ == "__main__":
    errors.one_line(main)
