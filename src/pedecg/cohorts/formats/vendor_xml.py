"""ECGs in XML: the root element decides which reader reads a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pedecg.cohorts.formats import (
    aecg,
    cardiosoft,
    fhir,
    file_ecg,
    mortara,
    muse,
    schiller,
    sierra,
    xml_file,
)
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMES = "XML of GE MUSE, GE CardioSoft, Philips Sierra, Schiller, Mortara ELI, HL7 aECG or HL7 FHIR"
READERS: dict[str, Callable[["Element", str], FileEcg]] = {
    muse.ROOT: muse.read,
    sierra.ROOT: sierra.read,
    aecg.ROOT: aecg.read,
    cardiosoft.ROOT: cardiosoft.read,
    schiller.ROOT: schiller.read,
    mortara.ROOT: mortara.read,
    fhir.ROOT: fhir.read,
    fhir.BUNDLE: fhir.read,
}


def read(file: str | Path) -> FileEcg:
    """Read one XML file of any vendor.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`; no message quotes what a file says of a person.
    """
    file = Path(file)
    root = xml_file.parse(file)
    reader = READERS.get(root.tag)
    if reader is None:
        raise RecordFault(
            "unknown-vendor",
            f"{file.name}: root element {root.tag[:40]!r}; expected one of {', '.join(READERS)}",
        )
    return file_ecg.without_pulse(reader(root, file.name))
