"""GE MUSE, Philips Sierra and HL7 aECG: what is read, what is refused and why."""

import re
from pathlib import Path

import numpy as np
import pytest
import sierraecg
import vendor_files

from pedecg.cohorts.formats import registry, vendor_xml, xml_file
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

LEADS_MV = vendor_files.ecg_mv()
MUSE, SIERRA, AECG = (write(LEADS_MV) for write in vendor_files.WRITERS.values())


@pytest.fixture
def read(tmp_path):
    """Read a document from a file."""

    def opened(text: str | bytes, **limits: float):
        file = tmp_path / "r.xml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return registry.read(file, **limits)

    return opened


@pytest.fixture
def reason(read):
    """Read a document that cannot be used; returns why."""

    def why(text: str | bytes, **limits: float) -> str:
        with pytest.raises(RecordFault) as caught:
            read(text, **limits)
        assert "\n" not in caught.value.detail
        return caught.value.reason

    return why


def test_the_rhythm_is_read_and_never_the_median_beat(read):
    median, rhythm = re.findall(r"  <Waveform>.*?</Waveform>\n", MUSE, re.DOTALL)
    swapped = MUSE.replace(median + rhythm, rhythm + median)
    assert swapped != MUSE
    for text in (MUSE, swapped):
        np.testing.assert_allclose(read(text).record.signal[0], LEADS_MV["I"], atol=1e-6)


def test_twelve_stored_leads_are_kept_as_they_are(read):
    other = LEADS_MV | {"III": LEADS_MV["V1"]}
    record = read(vendor_files.muse(other, stored=LEADS)).record
    np.testing.assert_allclose(record.signal[2], LEADS_MV["V1"], atol=1e-6)


def test_absent_leads_are_absent_and_none_is_made_up(read):
    record = read(vendor_files.muse(LEADS_MV, stored=("II", "V1", "V5"))).record
    assert record.leads == ("II", "V1", "V5")


def test_right_chest_leads_of_a_childrens_cart_are_named(read):
    leads = LEADS_MV | {"V4R": LEADS_MV["V1"], "V7": LEADS_MV["V6"]}
    found = read(vendor_files.muse(leads, stored=("I", "II", "V4R", "V7")))
    assert found.names == (*LEADS[:6], "V4R", "V7")
    assert found.record.leads == (*LEADS[:6], "V4R", "V7")
    assert found.record.other_channels == ()


@pytest.mark.parametrize(
    ("old", "new", "factor"),
    [
        (">5<", ">5,0<", 1),
        (">5<", ">0,005<", 0.001),
        (">MICROVOLTS<", ">MILLIVOLTS<", 1000),
        (">MICROVOLTS<", "><", 1),
        ("<SampleExponent>0<", "<SampleExponent><", 1),
    ],
)
def test_scale_and_units_are_those_of_the_file(read, old, new, factor):
    assert old in MUSE
    found = read(MUSE.replace(old, new)).record.signal[0]
    np.testing.assert_allclose(found, factor * LEADS_MV["I"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("base", "exponent", "hz"), [(500, 0, 500), (25, 1, 250), (1, 3, 1000)])
def test_the_rate_has_an_exponent(read, base, exponent, hz):
    text = MUSE.replace(">500</SampleBase", f">{base}</SampleBase")
    text = text.replace(">0</SampleExponent", f">{exponent}</SampleExponent")
    assert read(text).record.fs_hz == hz


def test_a_lead_that_starts_late_or_is_shorter_stands_in_its_place(read):
    short = vendor_files.muse(LEADS_MV | {"V6": LEADS_MV["V6"][:400]})
    head, tail = short.rsplit("<LeadOffsetFirstSample>0<", 1)
    signal = read(f"{head}<LeadOffsetFirstSample>100<{tail}").record.signal
    assert signal.shape == (12, 1000)
    np.testing.assert_allclose(signal[11, 100:500], LEADS_MV["V6"][:400], atol=1e-6)
    assert np.isnan(signal[11, :100]).all()
    assert np.isnan(signal[11, 500:]).all()
    assert np.isfinite(signal[:11]).all()


@pytest.mark.parametrize(
    ("age", "days"),
    [
        (("5", "MONTHS"), 152),
        (("3", "Weeks"), 21),
        (("9", "DAYS"), 9),
        (("30", "HOURS"), 1),
        (("1,5", "YEARS"), 548),
        (("17", "YEARS"), 6209),
    ],
)
def test_the_ages_of_children_keep_their_unit(read, age, days):
    assert read(vendor_files.muse(LEADS_MV, age=age, birth="")).age_days == days


@pytest.mark.parametrize("age", [("", "YEARS"), ("5", ""), ("5", "MOONS"), ("0", "YEARS")])
def test_without_a_sure_age_the_dates_decide_and_else_it_is_unknown(read, age):
    assert read(vendor_files.muse(LEADS_MV, age=age)).age_days == 159
    assert read(vendor_files.muse(LEADS_MV, age=age, birth="")).age_days is None


def test_an_impossible_age_is_a_fault(reason):
    assert reason(vendor_files.muse(LEADS_MV, age=("-3", "DAYS"))) == "invalid-age"
    assert reason(vendor_files.muse(LEADS_MV, age=("", ""), birth="01-01-2001")) == "invalid-age"


@pytest.mark.parametrize(
    ("word", "sex"), [("MALE", "male"), ("Female", "female"), ("UNKNOWN", None)]
)
def test_an_unknown_sex_stays_unknown(read, word, sex):
    assert read(vendor_files.muse(LEADS_MV, sex=word)).sex == sex


def test_the_measurements_of_12sl_are_read_and_what_is_empty_is_absent(read):
    text = vendor_files.muse(LEADS_MV, heart_rate_bpm=141, qrs_ms=62, qrs_axis_deg=-170, qt_ms=0)
    assert read(text).measurements == {
        "heart_rate_bpm": 141,
        "qrs_ms": 62,
        "qrs_axis_deg": -170,
    }
    assert read(text.replace(">-170<", ">190<")).measurements["qrs_axis_deg"] == -170


def test_a_file_with_every_checksum_is_verified_and_one_without_is_not(read):
    assert read(MUSE).record.verified
    bare = re.sub(r"<LeadDataCRC32>\d+<", "<LeadDataCRC32><", MUSE)
    assert not read(bare).record.verified


@pytest.mark.parametrize("encoding", ["utf-16", "cp949", "utf-8-sig"])
def test_hospitals_write_in_many_encodings(read, encoding):
    for text in (MUSE, SIERRA, AECG):
        named = f' encoding="{encoding.removesuffix("-sig")}"'
        declared = re.sub(r' encoding="[^"]*"', named, text)
        assert read(declared.encode(encoding)).record.leads == LEADS


def test_a_document_stored_as_utf8_that_still_says_utf16_is_read(read):
    assert read(SIERRA.replace('"UTF-8"', '"utf-16"')).record.leads == LEADS


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("ByteCountTotal>2000", "ByteCountTotal>2002", "truncated-signal"),
        ("ByteCountTotal>2000", "ByteCountTotal>1998", "overlong-signal"),
        ("SampleCountTotal>1000", "SampleCountTotal>999", "overlong-signal"),
        (r"CRC32>\d+", "CRC32>1234", "corrupt-signal"),
        (r"(<WaveFormData>\s*)\S", r"\1*", "corrupt-signal"),
        (r"(<WaveFormData>)[^<]*", r"\1", "truncated-signal"),
        (">MICROVOLTS<", ">FURLONGS<", "unknown-unit"),
        ("UnitsPerBit>5", "UnitsPerBit>", "bad-field"),
        ("UnitsPerBit>5", "UnitsPerBit>0", "zero-gain"),
        ("SampleBase>500", "SampleBase>0", "zero-rate"),
        ("SampleBase>500", "SampleBase>fast", "bad-field"),
        ("LeadSampleSize>2", "LeadSampleSize>4", "unsupported-format"),
        (">V6</LeadID", ">V5</LeadID", "duplicate-lead"),
        (">Rhythm<", ">Median<", "no-rhythm"),
        ("OffsetFirstSample>0", "OffsetFirstSample>-1", "bad-field"),
        ("OffsetFirstSample>0", "OffsetFirstSample>1e18", "oversized-file"),
        ("<LeadData>.*?</LeadData>", "", "empty-signal"),
    ],
)
def test_a_muse_file_at_fault_says_why(reason, old, new, why):
    broken = re.sub(old, new, MUSE, flags=re.DOTALL)
    assert broken != MUSE
    assert reason(broken) == why


def test_an_empty_waveform_of_every_lead_is_no_recording(reason):
    empty = re.sub(r"(<WaveFormData>)[^<]*", r"\1", MUSE)
    empty = re.sub(r"(CountTotal>)\d+", r"\g<1>0", re.sub(r"(CRC32>)\d+", r"\1", empty))
    assert reason(empty) == "empty-signal"


@pytest.mark.parametrize("version", ["1.03", "1.04", "1.04.01", "1.04.02"])
@pytest.mark.parametrize("compression", ["XLI", "Uncompressed"])
@pytest.mark.parametrize("residuals", [True, False])
def test_sierra_is_read_in_every_version_and_packing(read, version, compression, residuals):
    if compression == "XLI" and not residuals:
        pytest.skip("XLI stores residuals")
    kind = {"version": version, "compression": compression, "named": version != "1.03"}
    text = vendor_files.sierra(LEADS_MV, residuals=residuals, **kind)
    record = read(text).record
    assert record.leads == LEADS
    np.testing.assert_allclose(record.signal, np.array(list(LEADS_MV.values())), atol=1e-6)


def test_the_calibration_pulse_is_no_heart_beat(read):
    with_pulse, without = (
        read(vendor_files.sierra(LEADS_MV, pulse=pulse)).record.signal for pulse in (True, False)
    )
    assert with_pulse.shape == without.shape == (12, 1000)


def test_sierraecg_decodes_the_same_counts(tmp_path):
    file = tmp_path / "r.xml"
    file.write_text(vendor_files.sierra(LEADS_MV, pulse=False))
    theirs = np.array([lead.samples for lead in sierraecg.read_file(str(file)).leads])
    np.testing.assert_allclose(vendor_xml.read(file).record.signal, theirs * 0.005, atol=1e-6)


@pytest.mark.parametrize(
    ("age", "days"),
    [
        ("<months>5</months>", 152),
        ("<days>9</days>", 9),
        ("<hours>12</hours>", 0),
        ("<years>1</years><months>6</months>", 548),
        ("<dateofbirth>1988-01-30</dateofbirth>", 91),
        ("<years>0</years><dateofbirth>1988-01-30</dateofbirth>", 91),
        ("", None),
    ],
)
def test_the_age_that_the_recorder_assumed_is_no_age(read, age, days):
    assert read(vendor_files.sierra(LEADS_MV, age=age)).age_days == days


def test_the_measurements_of_philips_are_read(read):
    assert read(SIERRA).measurements == {
        "heart_rate_bpm": 75,
        "qrs_ms": 84,
        "qrs_axis_deg": -170,
    }


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (">1.04.02<", ">2.00<", "unsupported-format"),
        ('compression="XLI"', 'compression="ZIP"', "unsupported-format"),
        ('dataencoding="Base64"', 'dataencoding="Plain"', "unsupported-format"),
        ("<samplingrate>500", "<samplingrate>0", "zero-rate"),
        ("<resolution>5", "<resolution>0", "zero-gain"),
        ("<resolution>5", "<resolution>", "bad-field"),
        ('durationperchannel="2400"', 'durationperchannel="9000"', "truncated-signal"),
        (r"(?:\S{76}\n){9}", "", "truncated-signal"),
        (r'("2400">)[^<]*', r"\1", "empty-signal"),
        (r'("2400">)', r"\1////", "truncated-signal"),
        ("STD-12(.*)leadlabels=", r"ODD\1labels=", "bad-field"),
        ("<parsedwaveforms.*?</parsedwaveforms>", "", "bad-field"),
    ],
)
def test_a_sierra_file_at_fault_says_why(reason, old, new, why):
    broken = re.sub(old, new, SIERRA, flags=re.DOTALL)
    assert broken != SIERRA
    assert reason(broken) == why


@pytest.mark.parametrize("increment", ["0.002|s", "2|ms", "2000|us", "0,002|s"])
def test_the_time_base_has_a_unit(read, increment):
    value, unit = increment.split("|")
    text = vendor_files.aecg(LEADS_MV, increment=f'value="{value}" unit="{unit}"')
    assert read(text).record.fs_hz == 500


def test_leads_recorded_one_group_after_the_other_stand_at_their_times(read):
    def part(leads: tuple[str, ...], head: str) -> str:
        chosen = {lead: LEADS_MV[lead][:500] for lead in leads}
        return vendor_files.sequence_set(chosen, 'value="2" unit="ms"', head)

    groups = [(("I", "II"), "19880430080000.000"), (("V1", "V2"), "19880430080001.000+0200")]
    sets = "</component><component>".join(part(g, f'value="{t}"') for g, t in groups)
    record = read(vendor_files.aecg(LEADS_MV, body=sets)).record
    assert record.signal.shape == (8, 1000)
    v1 = record.signal[record.leads.index("V1")]
    assert np.isnan(v1[:500]).all()
    np.testing.assert_allclose(v1[500:], LEADS_MV["V1"][:500], atol=1e-6)
    assert np.isfinite(record.signal[:6, :500]).all()


def test_sets_a_year_apart_do_not_fill_the_memory(reason):
    one = vendor_files.sequence_set({"I": LEADS_MV["I"]}, 'value="2" unit="ms"')
    other = one.replace("LEAD_I", "LEAD_II").replace("1988", "1989")
    body = f"{one}</component><component>{other}"
    assert reason(vendor_files.aecg(LEADS_MV, body=body)) == "oversized-file"


def test_an_age_in_the_file_outweighs_the_dates(read):
    assert read(AECG).age_days == 152
    assert read(vendor_files.aecg(LEADS_MV, age=None)).age_days == 159


def test_measures_of_an_aecg_have_units(read):
    assert read(AECG).measurements == {"qrs_ms": 84}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('code="RHYTHM"', 'code="OTHER"', "no-rhythm"),
        ('increment value="0.002"', 'increment value="0"', "zero-rate"),
        (r"<increment[^>]*/>", "", "zero-rate"),
        ('"TIME_ABSOLUTE"', '"OTHER"', "zero-rate"),
        ('unit="s"', 'unit="fortnight"', "bad-field"),
        ('unit="mV"', 'unit="mm"', "unknown-unit"),
        ('scale value="0.005"', 'scale value="0"', "zero-gain"),
        ("<digits>", "<digits>ten ", "corrupt-signal"),
        (r"<digits>[^<]*", "<digits>", "empty-signal"),
        ("LEAD_V2", "LEAD_V1", "duplicate-lead"),
        ('head value="1988', 'head value="soon', "bad-field"),
        (r"MDC_ECG_LEAD_\w+", "MDC_PULS", "empty-signal"),
    ],
)
def test_an_aecg_file_at_fault_says_why(reason, old, new, why):
    broken = re.sub(old, new, AECG, flags=re.DOTALL)
    assert broken != AECG
    assert reason(broken) == why


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(9))


@pytest.mark.parametrize(
    "doctype",
    [
        f"<!DOCTYPE RestingECG [{LAUGHS}]>",
        '<!DOCTYPE RestingECG [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE RestingECG [<!ENTITY % x SYSTEM "http://127.0.0.1/x.dtd"> %x;]>',
        '<!DOCTYPE RestingECG SYSTEM "http://127.0.0.1/restecg.dtd">',
        '<!DOCTYPE RestingECG PUBLIC "-//X//EN" "restecg.dtd">',
        '<!DOCTYPE RestingECG SYSTEM "../restecg.dtd">',
    ],
)
def test_entities_and_references_outside_are_refused(reason, doctype):
    assert 'SYSTEM "restecg.dtd"' in MUSE, "the bare name that every MUSE file has is read"
    text = re.sub(r"<!DOCTYPE[^>]*>", lambda _: doctype, MUSE)
    assert reason(text.replace("SIMULATED", "&l8;")) == "unsafe-xml"


def test_an_undeclared_entity_is_no_xml(reason):
    assert reason(MUSE.replace("<PatientID>", "<PatientID>&secret;")) == "malformed-xml"


@pytest.mark.parametrize("text", [MUSE, SIERRA, AECG])
def test_a_truncated_document_is_malformed(reason, text):
    for share in (0.001, 0.2, 0.7, 0.999):
        assert reason(text[: int(share * len(text))]) == "malformed-xml"


def test_an_oversized_file_is_refused_unread(reason, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    assert reason(MUSE, max_mb=0.01) == "oversized-file"


def test_an_unknown_vendor_is_named_by_its_root(read):
    with pytest.raises(RecordFault, match=r"'OtherXML'.*RestingECG, restingecgdata") as caught:
        read("<OtherXML><ECG/></OtherXML>")
    assert caught.value.reason == "unknown-vendor"


@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"record 12 500", "\ufeff".encode()])
def test_what_is_no_xml_is_malformed(reason, tmp_path, data):
    assert reason(data) == "malformed-xml"
    assert not xml_file.starts_with_tag((tmp_path / "r.xml").read_bytes())
