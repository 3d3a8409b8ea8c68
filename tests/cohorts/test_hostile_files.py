"""Small files that ask for much, or break what reads them: each is one line, soon and in little."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import binary_format_files
import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import signal_files
from pedecg.cohorts.record_faults import RecordFault

LEADS_MV = vendor_files.ecg_mv()
MUSE, SIERRA, AECG = (write(LEADS_MV) for write in vendor_files.WRITERS.values())
LONGEST_S, MOST_BYTES = 5.0, 1_000_000_000


def many_leads_one_late() -> str:
    """MUSE: hundreds of names, one of which starts four million samples late."""
    lead = MUSE[MUSE.index("<LeadData>") : MUSE.index("</LeadData>") + len("</LeadData>")]
    name = lead[lead.index("<LeadID>") : lead.index("</LeadID>")]
    more = "".join(lead.replace(name, f"<LeadID>Q{number}") for number in range(50))
    late = lead.replace(name, "<LeadID>Z").replace("Sample>0", "Sample>3999000")
    return MUSE.replace("</Waveform>", f"{more}{late}</Waveform>")


def aecg_a_day_apart() -> str:
    """HL7 aECG: sets of leads that begin an hour apart, each lead's name another."""
    one = vendor_files.sequence_set({"I": LEADS_MV["I"][:20]}, 'value="1" unit="ms"')
    sets = "</component><component>".join(
        one.replace("LEAD_I", f"LEAD_Q{number}").replace("080000", f"08{number % 60:02d}00")
        for number in range(120)
    )
    return vendor_files.aecg(LEADS_MV, body=sets)


def hdf5_of_zeros(file: Path) -> None:
    """HDF5: twelve leads of a thousand million compressed zeros in some kilobytes."""
    import h5py

    with h5py.File(file, "w") as content:
        content.create_dataset("ecg", (12, 10**9), "f4", chunks=(12, 10**6), compression="gzip")


def deflated_dicom(file: Path) -> None:
    """DICOM: the transfer syntax that may inflate to any size."""
    import pydicom
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    binary_format_files.dicom(file, LEADS_MV, 500)
    whole = pydicom.dcmread(file)
    whole.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole.save_as(file, enforce_file_format=True)


def text(make: str | Callable[[], str], suffix: str = ".xml") -> tuple[str, Callable[[Path], None]]:
    def write(file: Path) -> None:
        file.write_text(make if isinstance(make, str) else make(), encoding="utf-8")

    return suffix, write


HOSTILE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "age of 1e308 months": text(MUSE.replace("PatientAge>5", "PatientAge>1e308")),
    "age of 400 digits": text(MUSE.replace("PatientAge>5", "PatientAge>" + "9" * 400)),
    **{
        f"encoding {name}": text(MUSE.replace("iso-8859-1", name).replace("ISO-8859-1", name))
        for name in ("hex", "zlib", "base64", "idna", "undefined", "unicode_escape", "rot13")
    },
    "200,000 tags within each other": text("<RestingECG>" + "<a>" * 200_000),
    "90,000 tags within each other": text("<RestingECG>" + "<a>" * 90_000 + "</a>" * 90_000),
    "19 MB of empty tags": text(lambda: "<RestingECG>" + "<a/>" * 4_750_000 + "</RestingECG>"),
    "resolution 1e-320": text(SIERRA.replace("<resolution>5<", "<resolution>1e-320<")),
    "resolution 1e300": text(SIERRA.replace("<resolution>5<", "<resolution>1e300<")),
    "more labels than channels": text(SIERRA.replace('numberofleads="12"', 'numberofleads="8"')),
    "a false duration": text(
        SIERRA.replace('durationperchannel="', 'durationperchannel="99999')
    ),
    "hundreds of leads, one late": text(many_leads_one_late),
    "leads an hour apart": text(aecg_a_day_apart),
    "JSON within JSON": text(
        '{"resourceType": "Observation", "component": ' + "[" * 200_000, ".json"
    ),
    "JSON of long numbers": text(
        json.dumps({"resourceType": "Observation", "component": []}).replace("[]", "9" * 100_000),
        ".json",
    ),
    "HDF5 of zeros": (".h5", hdf5_of_zeros),
    "deflated DICOM": (".dcm", deflated_dicom),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line_soon_and_in_little_memory(tmp_path, name):
    suffix, write = HOSTILE[name]
    write(tmp_path / f"r{suffix}")
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(RecordFault) as caught:
            signal_files.read(tmp_path, f"r{suffix}")
        seconds, (_, most) = time.monotonic() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "\n" not in caught.value.detail
    assert seconds < 2 * LONGEST_S, "tracing memory doubles the time"
    assert most < MOST_BYTES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("200(0)/mV", f"200({'9' * 400})/mV"),
        ("200(0)/mV", "1e400(0)/mV"),
        (".dat 16 ", ".dat 16:99999999999999999999 "),
        (".dat 16 ", ".dat 16:9999999999 "),
        (".dat 16 ", ".dat 16x9999 "),
        (".dat 16 ", ".dat 16+99999999999 "),
        (" 12 500 ", " 12 500 9999999999999 #"),
        (" 12 500 ", " 99999999 500 "),
        ("# ", "# " + "x" * 2_000_000),
    ],
)
def test_a_hostile_header_is_one_line(tmp_path, recorder, replace_in, old, new):
    counts = np.rint(np.array(list(LEADS_MV.values())).T / vendor_files.STEP_MV).astype(int)
    recorder(tmp_path / "r", tuple(LEADS_MV), counts, gains="200(0)/mV")
    replace_in(tmp_path / "r.hea", old, new)
    with pytest.raises(RecordFault) as caught:
        signal_files.read(tmp_path, "r")
    assert "\n" not in caught.value.detail


def test_a_reader_that_fails_is_a_quarantine_and_no_end_of_the_run(tmp_path, monkeypatch):
    from pedecg.cohorts.formats import muse, vendor_xml

    def fail(root: object, place: str) -> None:
        raise OverflowError(f"{vendor_files.PERSON[0]}: int too large")

    monkeypatch.setitem(vendor_xml.READERS, muse.ROOT, fail)
    (tmp_path / "r.xml").write_text(MUSE)
    with pytest.raises(RecordFault) as caught:
        signal_files.read(tmp_path, "r.xml")
    assert caught.value.reason == "damaged-file"
    assert vendor_files.PERSON[0] not in caught.value.detail


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_a_large_file_of_samples_is_read_in_time(tmp_path, suffix):
    """As large as is read at all: the time limit holds for every file within the size limit."""
    leads = {name: np.tile(row, 60) for name, row in LEADS_MV.items()}  # two minutes
    write = {".csv": format_files.csv_declared, ".xml": vendor_files.aecg}[suffix]
    (tmp_path / f"r{suffix}").write_text(write(leads, 500), encoding="utf-8")
    began = time.monotonic()
    record = signal_files.read(tmp_path, f"r{suffix}").record
    assert time.monotonic() - began < LONGEST_S
    assert record.signal.shape == (12, 60_000)
