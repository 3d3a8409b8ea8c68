"""Whatever a user names is opened as what it is, or refused in one line; nothing is lost."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pedecg.cohorts import cohort_folder, recordings
from pedecg.cohorts.recordings import Fault
from pedecg.core.records import LEADS, NINE_LEADS

REPOSITORY = Path(__file__).parents[2]


def opened(*paths: Path) -> list:
    places, faults = recordings.find(paths)
    return [recordings.read_or_fault(place) for place in places] + faults


def only(*paths: Path):
    found = opened(*paths)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("typed", ["r", "r.hea", "r.dat"])
def test_a_record_is_named_with_or_without_its_suffix(tmp_path, wfdb_file, typed):
    wfdb_file(tmp_path / "r")
    found = only(tmp_path / typed)
    assert (found.record_id, found.leads, found.fs_hz, found.length_s) == ("r", LEADS, 500, 4)


@pytest.mark.parametrize(
    ("names", "leads"),
    [
        (NINE_LEADS, NINE_LEADS),
        (("v1", "AVR", "i", "RESP"), ("I", "aVR", "V1")),
        (("II",), ("II",)),
        (("V5",), ("V5",)),
        (("ECG",), ("ch1",)),
        (("MLII", "V5"), ("ch1", "ch2")),
        (("V5", "V2"), ("ch1", "ch2")),
        (("ECG", "ECG"), ("ch1", "ch2")),
    ],
)
def test_leads_go_by_name_where_the_electrodes_are_known(tmp_path, wfdb_file, names, leads):
    wfdb_file(tmp_path / "r", names)
    found = only(tmp_path / "r")
    assert found.leads == leads
    assert len(found.signal_mv) == len(leads)
    assert set(found.other_channels) == ({"RESP"} if "RESP" in names else set())


def test_a_challenge_2017_pair_is_read_though_its_checksum_is_a_placeholder(tmp_path, wfdb_file):
    wfdb_file(tmp_path / "A00001", ("ECG",), fs_hz=300, suffix=".mat")
    for typed in ("A00001", "A00001.mat", "A00001.hea"):
        assert only(tmp_path / typed).leads == ("ch1",)


@pytest.mark.parametrize(
    ("comments", "age_days", "sex"),
    [
        (("Female 2740",), 2740, "female"),  # ZZU-pECG
        (("<age>: 51", "<sex>: F"), 18628, "female"),  # LUDB
        (("Age: 77", "Sex: Male"), 28124, "male"),  # CinC 2021
        (("69 M 1085 1629 x1",), 25202, "male"),  # MIT-BIH
        (("Age: NaN", "Sex: Unknown"), None, None),
        ((), None, None),
    ],
)
def test_age_and_sex_are_read_from_the_header(tmp_path, wfdb_file, comments, age_days, sex):
    wfdb_file(tmp_path / "r", comments=comments)
    found = only(tmp_path / "r")
    assert (found.age_days, found.sex) == (age_days, sex)


def test_a_folder_gives_all_below_it_sorted_and_each_once(tmp_path, wfdb_file):
    for name in ("b", "a/2", "a/1"):
        wfdb_file(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no ECG")
    found = opened(tmp_path, tmp_path / "b.hea", tmp_path / "a")
    assert [one.record_id for one in found] == ["b", "1", "2"]


def test_records_of_one_name_are_reported_apart_by_their_paths(tmp_path, wfdb_file):
    for name in ("x/r", "y/r", "z"):
        wfdb_file(tmp_path / name)
    ids = [one.record_id for one in opened(tmp_path)]
    assert ids == ["z", str(tmp_path / "x/r"), str(tmp_path / "y/r")]


def test_a_manifest_says_the_names_ages_and_sexes(tmp_path, wfdb_file):
    for name in ("one", "two", "stray"):
        wfdb_file(tmp_path / "ecg" / name)
    (tmp_path / "manifest.csv").write_text(
        "record_id,patient_id,path,age,sex\nE2,P1,ecg/two,30d,f\nE1,P1,ecg/one,,m\n"
    )
    found = {one.record_id: one for one in opened(tmp_path)}
    assert list(found) == ["E1", "E2", "stray"]
    assert (found["E2"].age_days, found["E2"].sex) == (30, "female")
    assert (found["E1"].age_days, found["E1"].sex) == (None, "male")
    alone = only(tmp_path / "ecg" / "two")
    assert (alone.record_id, alone.age_days) == ("two", 30)


def test_the_projects_manifest_counts_whatever_its_name(tmp_path, wfdb_file, monkeypatch):
    """Seen: review pictures said "age and sex unknown" for a cohort of ecg_list.csv."""
    cohort = tmp_path / "cohort"
    for name in ("one", "two"):
        wfdb_file(cohort / "ecg" / name)
    (cohort / "ecg_list.csv").write_text("MRN,ECG,Years,Sex\nP1,ecg/one,3,W\nP2,ecg/two,,M\n")
    yaml = YAML(typ="safe")
    values = yaml.load((REPOSITORY / "params.yaml").read_text("utf-8"))
    values["cohort"] |= {"name": "manifest", "root": str(cohort)}
    values["cohort"]["manifest"] |= {"file": "ecg_list.csv", "age_unit": "years", "labels": ["d"]}
    values["cohort"]["manifest"]["columns"] |= {
        "record_id": None, "patient_id": "MRN", "path": "ECG", "age": "Years", "sex": "Sex",
        "acquired_at": None, "split": None, "fold": None,
    }  # fmt: skip
    project = tmp_path / "project"
    project.mkdir()
    with (project / "params.yaml").open("w") as file:
        yaml.dump(values, file)
    monkeypatch.chdir(project)
    cohort_folder.listing.cache_clear()
    found = {one.record_id: one for one in opened(cohort)}
    cohort_folder.listing.cache_clear()
    assert {name: (one.age_days, one.sex) for name, one in found.items()} == {
        "ecg_one": (1096, "female"), "ecg_two": (None, "male"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "agrees"),
    [(8 * 365.25, True), (8.9 * 365.25, True), (7.5 * 365.25, True), (9.5 * 365.25, False),
     (240, False)],
)  # fmt: skip
def test_a_stated_age_that_is_not_the_files_is_a_conflict(tmp_path, wfdb_file, stated, agrees):
    wfdb_file(tmp_path / "r", comments=("Age: 8", "Sex: Male"))
    found = only(tmp_path / "r")
    by_hand = found.with_stated(stated, "female")
    assert (by_hand.age_days, by_hand.sex) == (stated, "female")
    assert any(one.startswith("age ") for one in by_hand.conflicts) != agrees
    assert "sex female as stated; the file or its table says male" in by_hand.conflicts
    assert found.with_stated(None, None).conflicts == ()


def test_a_manifest_of_another_kind_is_no_table_of_records(tmp_path, wfdb_file):
    wfdb_file(tmp_path / "r")
    (tmp_path / "manifest.csv").write_text("name,colour\nr,red\n")
    assert only(tmp_path).record_id == "r"


@pytest.mark.parametrize(
    ("break_it", "stated"),
    [
        (lambda r: r.with_suffix(".dat").unlink(), "missing-signal"),
        (lambda r: r.with_suffix(".hea").unlink(), "missing-header"),
        (lambda r: r.with_suffix(".hea").write_text(""), "empty-header"),
        (lambda r: r.with_suffix(".dat").write_bytes(b""), "truncated-signal"),
        (lambda r: r.with_suffix(".dat").write_bytes(b"12345"), "truncated-signal"),
        (lambda r: r.with_suffix(".hea").write_bytes(bytes(range(256))), "bad-header"),
    ],
)
def test_a_broken_record_costs_one_line_and_no_other_record(tmp_path, wfdb_file, break_it, stated):
    wfdb_file(tmp_path / "good")
    break_it(wfdb_file(tmp_path / "bad"))
    bad, good = opened(tmp_path)
    assert isinstance(bad, Fault)
    assert stated in str(bad)
    assert "bad" in str(bad)
    assert "\n" not in str(bad)
    assert good.record_id == "good"


def test_what_is_not_there_and_what_is_empty_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no ECG")
    for path, stated in (
        ("absent", "not found"),
        ("empty", "no recording"),
        ("notes.txt", "format"),
    ):
        fault = only(tmp_path / path)
        assert isinstance(fault, Fault)
        assert stated in str(fault)
        assert str(tmp_path / path) in str(fault)


def test_without_a_gain_times_are_right_and_heights_mean_nothing(tmp_path, wfdb_file):
    header = wfdb_file(tmp_path / "r").with_suffix(".hea")
    assert only(tmp_path / "r").calibrated
    header.write_text(header.read_text().replace("1000(0)/mV", "0"))
    assert not only(tmp_path / "r").calibrated


def test_a_rate_that_shows_no_qrs_is_refused(tmp_path, wfdb_file):
    wfdb_file(tmp_path / "slow", fs_hz=20)
    assert "unusable-rate" in str(only(tmp_path / "slow"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "number", "leads"),
    [
        ("zzu_sample", 15, 12),
        ("ptbxl_subset", 350, 12),
        ("ludb", 159, 12),
        ("qtdb", 30, 2),
        ("cinc2017_sample", 220, 1),
        ("wfdb_misc", 15, None),
        ("xml", 8, None),
    ],
)
def test_every_real_data_set_is_opened(shared_data, folder, number, leads):
    places, faults = recordings.find([shared_data / folder])
    assert (len(places), faults) == (number, [])
    found = [recordings.read(place) for place in places[:: max(1, number // 5)]]
    assert leads is None or {len(one.leads) for one in found} == {leads}


@pytest.mark.real
def test_ptbxls_table_knows_the_age_of_a_single_record(shared_data):
    found = only(shared_data / "ptbxl_subset/records100/00000/00011_lr.hea")
    assert (found.age_days, found.sex) == (7305, "female")
