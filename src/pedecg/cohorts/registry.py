"""Which module reads which cohort. A reader is a module with ``scan_cohort(settings) -> Scan``.

Readers are imported when they are named: a change to one of them is no change to the others, nor
to a stage that only opens signals.
"""

import importlib
from pathlib import Path
from types import ModuleType

from pedecg.cohorts import wfdb_files
from pedecg.cohorts.faults import RecordFault
from pedecg.errors import PedecgError

READERS = {
    "simulated": "pedecg.cohorts.zzu",  # the simulator writes the exact layout of ZZU-pECG
    "zzu": "pedecg.cohorts.zzu",
    "ptbxl": "pedecg.cohorts.ptbxl",
    "manifest": "pedecg.cohorts.manifest",
}


def reader(name: str) -> ModuleType:
    """Return the reader of a cohort by its name."""
    return importlib.import_module(READERS[name])


def read_signal(name: str, root: str | Path, path: str) -> wfdb_files.Signal:
    """Open the signal of one record that ingest has accepted.

    Raises
    ------
    PedecgError
        The files have changed since ingest read them.
    """
    if name not in READERS:
        raise PedecgError(f"cohort.name: {name!r}; expected one of {', '.join(READERS)}")
    try:
        return wfdb_files.read(root, path)
    except RecordFault as fault:
        raise PedecgError(f"{path}: {fault.reason} since ingest read it: {fault.detail}") from None
