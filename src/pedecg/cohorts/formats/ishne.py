"""ISHNE Holter (``ISHNE1.0``): Badilini F. Ann Noninvasive Electrocardiol 1998;3:263-266."""

from pathlib import Path

from pedecg.cohorts.formats import ecgdatakit_files, file_ecg
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault

NAME = "ISHNE Holter"
SUFFIXES = (".ecg", ".ishne")
MAX_MB = 100.0  # 24 h of three leads at 200 Hz have 104 MB: such a file is no examination at rest


def recognises(start: bytes) -> bool:
    """Return whether a file begins as the standard demands."""
    return start.startswith(b"ISHNE1.0")


def read(file: Path) -> FileEcg:
    """Read all leads; raises `RecordFault`.

    The header's checksum is verified where there is one; samples have none. The number of samples
    is compared with the header where the header gives one.
    """
    from ecgdatakit.parsing.parsers.ishne_holter import ISHNEHolterParser

    data = file.read_bytes()
    n_leads = int.from_bytes(data[156:158], "little", signed=True)
    stated = int.from_bytes(data[14:18], "little", signed=True)
    if (len(data) - 522) // (2 * max(n_leads, 1)) > file_ecg.LONGEST:
        raise RecordFault("oversized-file", f"{file.name}: over {file_ecg.LONGEST} samples")
    record = ecgdatakit_files.parse(ISHNEHolterParser(), file)
    found = len(record.leads[0].samples)
    # Some writers count the samples of all leads together.
    if stated > 0 and stated not in (found, found * n_leads):
        reason = "truncated-signal" if found < stated else "overlong-signal"
        raise RecordFault(reason, f"{file.name}: {found} samples per lead; header {stated}")
    age = file_ecg.age_days("", "", *ecgdatakit_files.dates(record))
    sex = file_ecg.sex(record.patient.sex)
    rate = float(record.leads[0].sampling_rate)
    return ecgdatakit_files.ecg(record, file, NAME, rate, age, sex)
