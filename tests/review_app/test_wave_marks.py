"""Corrections of waves: what one changes, what it may not, saved and taken back."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from pedecg.core.errors import PedecgError
from pedecg.review_app import wave_marks
from pedecg.review_app.journal_file import ConflictError
from pedecg.review_app.review_session import RefusedError
from pedecg.review_app.wave_editor import WaveEditor
from pedecg.review_app.wave_journal import MarkedRecords, WaveJournal, read
from pedecg.review_app.wave_marks import GLOBAL, MarkError, Wave

P, QRS, T = Wave("P", 40, 50, 60), Wave("QRS", 80, 90, 105), Wave("T", 150, 180, 200)
LAST = 399
WAVES = {
    "II": [P, QRS, T],
    "V1": [Wave("QRS", 84, 92, 100), Wave("T", 160, 175, 190)],
    GLOBAL: [P, QRS, T],
}
ABOUT = {
    "fs_hz": 500.0, "n_samples": LAST + 1, "leads": ["II", "V1"],
    "waves": {
        lead: [[w.kind, *(s / 500 for s in w[1:])] for w in rows] for lead, rows in WAVES.items()
    },
}  # fmt: skip


def after(changes):
    return wave_marks.applied(WAVES, changes)


def test_a_boundary_moves_in_one_lead_to_the_sample():
    found = after(wave_marks.moved(WAVES, "II", QRS, "onset", 77, LAST))
    assert found["II"][1] == Wave("QRS", 77, 90, 105)
    assert {lead: found[lead] for lead in ("V1", GLOBAL)} == {
        lead: WAVES[lead] for lead in ("V1", GLOBAL)
    }


def test_a_global_boundary_moves_in_every_lead_that_has_the_wave():
    found = after(wave_marks.moved(WAVES, GLOBAL, QRS, "offset", 110, LAST))
    assert [found[lead][n].offset for lead, n in (("II", 1), ("V1", 0), (GLOBAL, 1))] == [110] * 3
    found = after(wave_marks.moved(WAVES, GLOBAL, P, "onset", 30, LAST))
    assert found["V1"] == WAVES["V1"]


def test_a_boundary_stops_at_its_neighbours():
    for sample in (60, 105, 200):
        with pytest.raises(MarkError, match="expected 61 to 104"):
            wave_marks.moved(WAVES, "II", QRS, "onset", sample, LAST)
    # In a lead whose neighbour stands in the way, the global boundary is set beside it.
    close = {**WAVES, "V1": [Wave("P", 60, 70, 81), *WAVES["V1"]]}
    found = wave_marks.applied(close, wave_marks.moved(close, GLOBAL, QRS, "onset", 75, LAST))
    assert (found[GLOBAL][1].onset, found["II"][1].onset, found["V1"][1].onset) == (75, 75, 82)


def test_a_peak_beyond_a_moved_boundary_moves_with_it():
    found = after(wave_marks.moved(WAVES, "II", QRS, "onset", 95, LAST))
    assert found["II"][1] == Wave("QRS", 95, 95, 105)


def test_a_wave_is_removed_from_a_lead_or_from_all():
    assert after(wave_marks.removed(WAVES, "V1", WAVES["V1"][0]))[GLOBAL] == WAVES[GLOBAL]
    found = after(wave_marks.removed(WAVES, GLOBAL, QRS))
    assert [[w.kind for w in found[lead]] for lead in WAVES] == [["P", "T"], ["T"], ["P", "T"]]


def test_a_wave_is_added_where_there_is_room():
    new = Wave("P", 220, 230, 240)
    found = after(wave_marks.added(WAVES, GLOBAL, new, LAST))
    assert all(found[lead][-1] == new for lead in WAVES)
    with pytest.raises(MarkError, match="marked there"):
        wave_marks.added(WAVES, "II", Wave("P", 190, 230, 240), LAST)
    with pytest.raises(MarkError, match="within the record"):
        wave_marks.added(WAVES, "II", Wave("P", 390, 395, 400), LAST)


def test_waves_that_overlap_are_cut_before_the_next_one():
    rows = {"II": [["T", 0.3, 0.36, 0.42], ["P", 0.4, 0.44, 0.46], ["QRS", None, 0.5, None]]}
    found = wave_marks.from_seconds(rows, ["II"], 500.0, 1000)
    assert found["II"] == [
        Wave("T", 150, 180, 199), Wave("P", 200, 220, 230), Wave("QRS", None, 250, None),
    ]  # fmt: skip


@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["II", "V1", GLOBAL]), st.integers(0, 2),
            st.sampled_from(["onset", "offset"]), st.integers(0, LAST),
        ),
        max_size=12,
    )
)  # fmt: skip
@budget(max_examples=60, deadline=None)
def test_no_series_of_corrections_lets_waves_overlap_and_all_can_be_taken_back(moves):
    waves, done = WAVES, []
    for lead, place, edge, sample in moves:
        wave = waves[lead][min(place, len(waves[lead]) - 1)]
        try:
            changes = wave_marks.moved(waves, lead, wave, edge, sample, LAST)
        except MarkError:
            continue
        waves = wave_marks.applied(waves, changes)
        done.append(changes)
        for rows in waves.values():
            assert all(w.onset < w.offset and w.onset <= w.peak <= w.offset for w in rows)
            assert all(a.last < b.first for a, b in pairwise(rows))
    for changes in reversed(done):
        waves = wave_marks.applied(waves, wave_marks.reverse(changes))
    assert waves == WAVES


# ---- saved ---------------------------------------------------------------------------------


@pytest.fixture
def open_editor(tmp_path):
    editors = []

    def begin():
        for one in editors:
            one.close()
        editors[:] = [WaveEditor(WaveJournal(tmp_path / "waves.jsonl"))]
        return editors[0]

    yield begin
    editors[0].close()


def test_corrections_are_kept_and_undone_after_a_restart(open_editor, tmp_path):
    editor = open_editor()
    editor.move("r", ABOUT, "Anna", 0, "II", QRS, "onset", 77)
    editor.move("r", ABOUT, "Anna", 2, GLOBAL, T, "offset", 210)
    moved = editor.view("r", ABOUT, "Anna")
    editor = open_editor()
    assert json.loads(json.dumps(editor.view("r", ABOUT, "Anna"))) == json.loads(json.dumps(moved))
    assert (moved["edits"], moved["may_undo"], moved["checked"]) == (2, True, False)
    editor.undo("r", "Anna", 3)
    editor.undo("r", "Anna", 4)
    assert editor.view("r", ABOUT, "Anna")["waves"] == WAVES
    with pytest.raises(RefusedError, match="left to undo"):
        editor.undo("r", "Anna", 5)
    kinds = [entry.kind for entry in read(tmp_path / "waves.jsonl")]
    assert kinds == ["begin", "edit", "edit", "undo", "undo"]


def test_the_delineators_waves_of_the_first_correction_stay_the_beginning(open_editor):
    editor = open_editor()
    editor.move("r", ABOUT, "Anna", 0, "II", QRS, "onset", 77)
    other = {**ABOUT, "waves": {}}  # another version of the delineator finds nothing
    assert editor.view("r", other, "Anna")["waves"]["II"][1] == Wave("QRS", 77, 90, 105)


def test_two_readers_do_not_overwrite_each_other(open_editor):
    editor = open_editor()
    editor.move("r", ABOUT, "Anna", 0, "II", QRS, "onset", 77)
    with pytest.raises(ConflictError):
        editor.move("r", ABOUT, "Ben", 0, "II", QRS, "onset", 70)
    with pytest.raises(RefusedError, match="Anna's"):
        editor.undo("r", "Ben", 2)


def test_a_correction_after_the_check_takes_the_check_back(open_editor):
    editor = open_editor()
    editor.check("r", ABOUT, "Anna", 0)
    assert editor.view("r", ABOUT, "Ben")["checked"]
    with pytest.raises(RefusedError, match="already"):
        editor.check("r", ABOUT, "Anna", 2)
    editor.move("r", ABOUT, "Ben", 2, "II", QRS, "onset", 77)
    assert not editor.view("r", ABOUT, "Anna")["checked"]
    editor.undo("r", "Ben", 3)
    assert editor.view("r", ABOUT, "Anna")["checked"]


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ({"kind": "edit", "record_id": "x"}, "x was not begun"),
        ({"kind": "undo", "record_id": "r", "undoes": 1}, "1 is not the last action"),
        ({"kind": "paint", "record_id": "r"}, "unknown kind 'paint'"),
        ({"kind": "edit", "record_id": "r", "changes": [["II", ["P", 1], None]]}, "another form"),
        (
            {"kind": "edit", "record_id": "r", "changes": [["II", ["P", 1, 2, 3], None]]},
            "a changed wave is not there",
        ),
    ],
)
def test_a_damaged_journal_is_named_in_one_line(open_editor, tmp_path, line, reported):
    editor = open_editor()
    editor.move("r", ABOUT, "Anna", 0, "II", QRS, "onset", 77)
    path = tmp_path / "waves.jsonl"
    text = path.read_text() + json.dumps({"id": 3, "time": "", "reader": "Anna", **line}) + "\n"
    (tmp_path / "damaged.jsonl").write_text(text)
    with pytest.raises(PedecgError, match=reported):
        MarkedRecords(read(tmp_path / "damaged.jsonl"))
