"""ECGs in vendors' XML: which reader reads a file is said by its root element."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pedecg.cohorts import aecg, muse, sierra, xml_file
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.vendor_ecg import VendorEcg

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SUFFIX = ".xml"
READERS: dict[str, Callable[["Element", str], VendorEcg]] = {
    muse.ROOT: muse.read,
    sierra.ROOT: sierra.read,
    aecg.ROOT: aecg.read,
}


def read(file: str | Path, max_mb: float = xml_file.MAX_MB) -> VendorEcg:
    """Read one file of any vendor.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`; no message quotes what a file says of a person.
    """
    file = Path(file)
    try:
        root = xml_file.parse(file, max_mb)
    except FileNotFoundError:
        raise RecordFault("missing-file", f"{file.name}: not found in {file.parent.name}") from None
    except OSError as error:
        raise RecordFault("unreadable-file", f"{file.name[:60]}: {error.strerror}") from None
    reader = READERS.get(root.tag)
    if reader is None:
        raise RecordFault(
            "unknown-vendor",
            f"{file.name}: root element {root.tag[:60]!r}; expected one of {', '.join(READERS)}",
        )
    return reader(root, file.name)
