"""A person's name that stands in a field of a file is in no reason for a quarantine."""

import re

import format_files
import pytest
import vendor_files

from pedecg.cohorts import signal_files
from pedecg.cohorts.record_faults import RecordFault

NAME = "Quxy Zebedee"
# Format: the name as the first lead's, and what breaks the file so that it is quarantined.
BROKEN = {
    "GE MUSE": [("<LeadID>I<", f"<LeadID>{NAME}<"), (r"(<LeadDataCRC32>)[0-9]+", r"\g<1>12345")],
    "HL7 aECG": [("MDC_ECG_LEAD_I\"", "MDC_ECG_LEAD_QUXY_ZEBEDEE\""), ("<digits>", "<digits>x")],
    "GE CardioSoft": [('lead="I"', f'lead="{NAME}"'), (r"\n\t", r"\n\tx")],
    "Schiller": [("<name>I<", f"<name>{NAME}<"), ("<data>", "<data>x")],
    "Mortara ELI": [('NAME="I"', f'NAME="{NAME}"'), ('UNITS_PER_MV="', 'UNITS_PER_MV="x')],
    "Philips Sierra": [("(?<=<documenttype>)[A-Za-z]+", NAME), ("(?<=<documentversion>)", NAME)],
}  # fmt: skip


@pytest.mark.parametrize("form", BROKEN)
def test_a_name_in_a_field_is_not_quoted(tmp_path, form):
    written = format_files.WRITERS[form]
    file = tmp_path / f"r{written.suffix}"
    written.write(file, vendor_files.ecg_mv(), 500)
    text = file.read_text(encoding="utf-8")
    for find, put in BROKEN[form]:
        assert re.search(find, text), find
        text = re.sub(find, put, text)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecordFault) as caught:
        signal_files.read(tmp_path, file.name)
    for word in re.split("[ _]", NAME):
        assert word.lower() not in caught.value.detail.lower()


def test_a_signal_file_of_another_name_is_not_quoted(tmp_path):
    (tmp_path / "r.hea").write_text(f"r 1 500 5\n{NAME.split()[0]}.dat 16 200 16 0 0 0 0 II\n")
    with pytest.raises(RecordFault) as caught:
        signal_files.read(tmp_path, "r")
    assert caught.value.reason == "missing-signal"
    assert caught.value.detail == "r.hea: the signal file of channel 1 not found"
