"""ECGs in XML: which reader reads a file is said by its root element."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pedecg.cohorts.formats import aecg, file_ecg, muse, sierra, xml_file
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMES = "GE MUSE, Philips Sierra or HL7 aECG"
READERS: dict[str, Callable[["Element", str], FileEcg]] = {
    muse.ROOT: muse.read,
    sierra.ROOT: sierra.read,
    aecg.ROOT: aecg.read,
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
