"""MFER (ISO 22077-1), which recorders of Japan write."""

from pathlib import Path

from pedecg.cohorts.formats import ecgdatakit_files, file_ecg
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault

NAME = "MFER"
SUFFIXES = (".mwf", ".mfer", ".mfr")


def recognises(start: bytes) -> bool:
    """Return whether a file begins with MFER's preamble, or with a chain of its definitions."""
    if start[:1] not in (b"\x40", b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x17"):
        return False
    from ecgdatakit.parsing.parsers.mfer import MFERParser

    return bool(MFERParser.can_parse(Path(), start))


def read(file: Path) -> FileEcg:
    """Read the rhythm frames, never the dominant beat; raises `RecordFault`."""
    from ecgdatakit.parsing.parsers.mfer import MFERParser

    class Parser(MFERParser):
        """Keeps the age as the file has it: years, and days since birth."""

        def _finish_patient(self) -> None:
            self._meta["age"] = self._age
            super()._finish_patient()

    record = ecgdatakit_files.parse(Parser(), file)
    rates = {float(rate) for rate in record.raw_metadata.get("sampling_rates", [])}
    if len(rates) != 1 or not record.leads:
        raise RecordFault("unsupported-format", f"{file.name}: leads of several rates, or none")
    birth, acquired = ecgdatakit_files.dates(record)
    age = file_ecg.age_days("", "", birth, acquired)
    if age is None:
        years, days = (part or 0 for part in record.raw_metadata["age"])
        if days and days // 365.25 == years:  # in the first year both ways to count them agree
            age = file_ecg.age_days(str(days), "days", None, None)
        elif years:
            age = file_ecg.age_days(str(years), "years", None, None)
    sex = file_ecg.sex(record.patient.sex)
    return ecgdatakit_files.ecg(record, file, NAME, rates.pop(), age, sex)
