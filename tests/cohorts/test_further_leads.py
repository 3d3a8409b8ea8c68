"""Electrodes besides the twelve leads, V3R, V4R and V7 of a child, are leads in every format."""

import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import recordings, signal_files
from pedecg.cohorts.formats import lead_names
from pedecg.core.records import ALL_LEADS, FURTHER_LEADS, LEADS, in_order

FURTHER = ("V3R", "V4R", "V7")
# Formats that have no name for more than twelve leads, or hold fewer.
TWELVE_AT_MOST = ("ISHNE", "SPH", "CODE-15%", "Kardia", "Apple Health")
FORMATS = [form for form in format_files.WRITERS if form not in TWELVE_AT_MOST]
STEP = vendor_files.STEP_MV


def fifteen_mv() -> dict[str, np.ndarray]:
    """Return an ECG of 15 leads, the further ones in another order than ours."""
    leads = vendor_files.ecg_mv(500)
    return leads | {"V7": leads["V6"], "V4R": leads["V2"], "V3R": leads["V1"]}


@pytest.fixture(params=["WFDB", *FORMATS])
def file(request, tmp_path, recorder):
    leads, form = fifteen_mv(), request.param
    if form == "WFDB":
        counts = np.rint(np.array(list(leads.values())).T / STEP).astype(int)
        recorder(tmp_path / "r", tuple(leads), counts, fs="500", gains=f"{1 / STEP:g}(0)/mV")
        return tmp_path / "r.hea"
    path = tmp_path / f"r{format_files.WRITERS[form].suffix}"
    if form == "GE MUSE":
        text = vendor_files.muse(leads, stored=("I", "II", *list(leads)[6:]))
        path.write_text(text, encoding="utf-8")
    else:
        format_files.WRITERS[form].write(path, leads, 500)
    return path


def test_every_format_gives_them_by_name_after_the_twelve(file):
    record = signal_files.read(file.parent, file.name).record
    assert record.leads == (*LEADS, *FURTHER)
    assert record.other_channels == ()
    expected = fifteen_mv()
    for lead, row in zip(record.leads, record.signal, strict=True):
        np.testing.assert_allclose(row, expected[lead], atol=1e-6)
    (place,), _ = recordings.find([file])
    np.testing.assert_array_equal(recordings.read(place).signal_mv, record.signal)


@pytest.mark.parametrize("lead", FURTHER_LEADS)
@pytest.mark.parametrize("spelling", ["{}", "ECG {}", "Lead {}", "MDC_ECG_LEAD_{}"])
def test_every_spelling_of_the_twelve_holds_for_them(lead, spelling):
    for name in (spelling.format(lead), spelling.format(lead.lower())):
        assert lead_names.further(name) == lead_names.display(name) == lead
        assert lead_names.standard(name) is None, "never one of the twelve"


def test_their_numbers_are_those_of_the_standard():
    numbered = {name for name in lead_names.BY_NUMBER.values() if name not in LEADS}
    assert numbered <= set(FURTHER_LEADS)
    assert lead_names.of_mdc(str(lead_names.MDC_FIRST + 11)) == "V3R"


def test_leads_have_one_order():
    assert in_order(reversed(ALL_LEADS)) == list(ALL_LEADS)
    assert in_order(["V7", "MLII", "V3R", "I"]) == ["I", "V3R", "V7"]
