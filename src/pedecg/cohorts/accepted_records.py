"""The signals of records that ingest has accepted, for the stages after it."""

from pathlib import Path

from pedecg.cohorts import signal_files
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import EcgRecord
from pedecg.signals import padding


def read_signal(path: str, root: str | Path) -> EcgRecord:
    """Open the signal of one record, `path` relative to the cohort's `root`, without padding.

    Raises
    ------
    PedecgError
        The files have changed since ingest read them.
    """
    try:
        return padding.trimmed(signal_files.read(root, path, max_xml_mb=float("inf")).record)
    except RecordFault as fault:
        raise PedecgError(f"{path}: {fault.reason} since ingest read it: {fault.detail}") from None
