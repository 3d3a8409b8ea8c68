"""Waves corrected in a real browser, by mouse, touch and keyboard, up to the pipeline's ingest."""

import json

import numpy as np
import pytest
from browser import Program, sign_in
from ward import written

from pedecg.delineator import annotation_sources
from pedecg.review_app import wave_export, wave_journal
from pedecg.review_app.wave_marks import GLOBAL, Wave

pytestmark = pytest.mark.slow
FS_HZ = 500


def begin_editing(page):
    page.keyboard.press("d")
    page.wait_for_selector('button:has-text("All waves are right")')


def saved(page):
    """Wait until nothing is on its way, and return the id of what is saved."""
    page.wait_for_timeout(250)
    return int(page.get_attribute("body", "data-waves-saved") or 0)


def place_of(page, lead, sample):
    """Where a sample of a lead is on the screen, in the layout 12 × 1 or the rhythm strip."""
    return page.evaluate(
        """async ([lead, sample]) => {
        const { paper } = await import("/static/state.js");
        const t = sample / paper.signal.fs;
        const holds = (one) => one.lead === lead && one.start <= t && t < one.start + one.length;
        const row = paper.arrangement.rows.find((one) => one.cells.some(holds));
        const cell = row.cells.find((one) => one.lead === lead);
        const box = paper.canvas.getBoundingClientRect();
        return { x: box.left + (cell.x + (t - cell.start) * paper.speed) * paper.scale - paper.x,
          y: box.top + row.middle * paper.scale - paper.y };
      }""",
        [lead, sample],
    )


def drag(page, lead, sample, to):
    """Drag a boundary by the mouse; return the sample under the pointer where it is dropped."""
    start, end = place_of(page, lead, sample), place_of(page, lead, to)
    page.mouse.move(start["x"], start["y"])
    page.mouse.down()
    page.mouse.move(end["x"], end["y"], steps=6)
    page.mouse.up()
    return to


def the_wave(waves, lead, kind="QRS", at_least=1000):
    return next(w for w in waves[lead] if w.kind == kind and w.onset and w.onset >= at_least)


def test_boundaries_dragged_by_mouse_reach_the_delineation_pipeline(
    window, served, ecgs, editor, tmp_path
):
    address, _ = served()
    page = window()
    sign_in(page, address)
    waves = editor.view("A1", ecgs.get("A1").about, "Anna")["waves"]
    begin_editing(page)
    # All leads: a QRS offset, in the rhythm strip.
    qrs = the_wave(waves, GLOBAL)
    later = drag(page, "II", qrs.offset, qrs.offset + 12)
    assert "QRS offset, all leads" in page.inner_text("#readout")
    assert saved(page) == 2
    # One lead: a T onset of lead II.
    page.keyboard.press("h")
    t = the_wave(editor.records()[0].waves, "II", "T", later)
    drag(page, "II", t.onset, t.onset + 8)
    assert "T onset, lead II" in page.inner_text("#readout")
    assert saved(page) == 3
    page.keyboard.press("j")
    page.wait_for_selector('button[aria-pressed="true"]:has-text("All waves are right")')

    (marked,) = editor.records()
    moved = marked.waves[GLOBAL][waves[GLOBAL].index(qrs)]
    assert abs(moved.offset - later) <= 1  # the mouse stands on whole pixels, 5 samples wide
    wave_export.write([marked], ecgs.source, tmp_path / "waves")
    (record,) = annotation_sources.read(tmp_path / "waves")
    for lead in record.leads:
        times = record.marks[record.leads.index(lead)].waves[:, 1:] * record.fs_hz
        known = np.array([[np.nan if s is None else s for s in w[1:]] for w in marked.waves[lead]])
        np.testing.assert_allclose(times, known, atol=1e-6)
    changed = [w for w in marked.waves["II"] if w not in waves["II"]]
    assert sorted(w.kind for w in changed) == ["QRS", "T"]


def test_boundaries_move_sample_by_sample_by_keyboard_and_undo_brings_them_back(
    window, served, ecgs, editor
):
    address, _ = served()
    page = window()
    sign_in(page, address)
    before = editor.view("A1", ecgs.get("A1").about, "Anna")["waves"]
    begin_editing(page)
    for key in (".", ".", "."):
        page.keyboard.press(key)
    chosen = page.inner_text("#readout")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    saved(page)
    assert page.inner_text("#readout") != chosen
    (marked,) = editor.records()
    (old,) = [w for w in before[GLOBAL] if w not in marked.waves[GLOBAL]]
    (new,) = [w for w in marked.waves[GLOBAL] if w not in before[GLOBAL]]
    moved = [a - b for a, b in zip(new[1:], old[1:], strict=True) if a != b]
    assert 6 in moved  # 3 back, 10 on, 1 back
    while editor.view("A1", ecgs.get("A1").about, "Anna")["may_undo"]:
        page.keyboard.press("z")
        saved(page)
    assert editor.view("A1", ecgs.get("A1").about, "Anna")["waves"] == before


def test_waves_are_removed_and_added_by_keyboard(window, served, ecgs, editor):
    address, _ = served()
    page = window()
    sign_in(page, address)
    about = ecgs.get("A1").about
    before = editor.view("A1", about, "Anna")["waves"]
    begin_editing(page)
    page.keyboard.press(".")
    page.keyboard.press("Delete")
    saved(page)
    after = editor.view("A1", about, "Anna")["waves"]
    assert len(after[GLOBAL]) == len(before[GLOBAL]) - 1
    (gone,) = [w for w in before[GLOBAL] if w not in after[GLOBAL]]
    where = place_of(page, "II", (gone.onset + gone.offset) // 2)
    page.mouse.click(where["x"], where["y"])
    page.keyboard.press({"P": "1", "QRS": "2", "T": "3"}[gone.kind])
    saved(page)
    (made,) = [
        w for w in editor.view("A1", about, "Anna")["waves"][GLOBAL] if w not in after[GLOBAL]
    ]
    assert made.kind == gone.kind
    assert made.first <= gone.last
    assert gone.first <= made.last


def test_a_finger_drags_a_boundary_on_a_phone(window, served, ecgs, editor):
    address, _ = served()
    page = window(390, 844, has_touch=True, is_mobile=True)
    sign_in(page, address)
    page.get_by_role("button", name="Correct waves").tap()
    page.wait_for_selector('button:has-text("All waves are right")')
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = editor.view("A1", ecgs.get("A1").about, "Anna")["waves"]
    qrs = the_wave(before, GLOBAL, at_least=200)
    start, end = place_of(page, "II", qrs.offset), place_of(page, "II", qrs.offset + 10)
    touch = page.context.new_cdp_session(page)

    def send(kind, x=None):
        points = [] if x is None else [{"x": x, "y": start["y"]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", start["x"])
    for step in (0.3, 0.6, 1.0):
        send("touchMove", start["x"] + step * (end["x"] - start["x"]))
    send("touchEnd")
    saved(page)
    (marked,) = editor.records()
    moved = marked.waves[GLOBAL][before[GLOBAL].index(qrs)]
    assert abs(moved.offset - qrs.offset - 10) <= 1


def test_a_boundary_cannot_be_dragged_over_its_neighbour(window, served, ecgs, editor):
    address, _ = served()
    page = window()
    sign_in(page, address)
    before = editor.view("A1", ecgs.get("A1").about, "Anna")["waves"][GLOBAL]
    begin_editing(page)
    place = next(k for k, w in enumerate(before) if w.kind == "QRS" and w.onset >= 1000)
    following = before[place + 1]
    drag(page, "II", before[place].offset, following.last + 50)
    saved(page)
    moved = editor.records()[0].waves[GLOBAL][place]
    assert moved.offset == following.first - 1
    assert page.locator("#alert").is_hidden()


def test_kill_9_loses_no_saved_correction(window, tmp_path):
    ward = written(tmp_path / "ward")
    journal = tmp_path / "review.jsonl"
    program = Program(ward.folder, journal)
    page = window()
    try:
        sign_in(page, program.start())
        begin_editing(page)
        page.keyboard.press(".")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
            saved(page)
        stated = saved(page)
        program.kill()
        entries = wave_journal.read(wave_journal.path_beside(journal))
        assert entries[-1].id == stated == 5
        sign_in(page, program.start())
        begin_editing(page)
        page.keyboard.press("z")
        saved(page)
    finally:
        program.kill()
    page.wait_for_timeout(300)  # what the browser still has to say of the crashes
    lines = wave_journal.path_beside(journal).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["begin", *["edit"] * 4, "undo"]
    page.errors[:] = [e for e in page.errors if "Failed to load resource" not in e]
    assert isinstance(entries[0].waves[GLOBAL][0], Wave)
