"""A review in a real browser: by keyboard, blinded, through a crash, with hostile names."""

import numpy as np
import pytest
from browser import Program, sign_in, wait_for_case
from ward import HOSTILE, written

from pedecg.review_app.journal import read

CHANGE_MS = 150.0

pytestmark = pytest.mark.slow


def test_a_whole_session_by_keyboard(window, served):
    address, running = served()
    page = window()
    sign_in(page, address)
    for number, key in enumerate("paux"):
        wait_for_case(page, number)
        page.keyboard.press(key)
        page.wait_for_selector("#next")
        page.keyboard.press("Enter")
    wait_for_case(page, 4)
    page.keyboard.press("s")  # the last two change places
    wait_for_case(page, 5)
    page.keyboard.press("r")
    page.keyboard.press("2")
    assert page.inner_text("#given-reason") == "Reason: Normal variant for age"
    page.keyboard.press("a")
    page.wait_for_selector("#next")
    page.keyboard.press("Enter")
    wait_for_case(page, 4)
    page.keyboard.press("p")
    page.wait_for_selector("#next")
    page.keyboard.press("Enter")
    wait_for_case(page, "finished")
    assert "All your cases are answered" in page.inner_text("#finished")
    answers = [e for e in running.journal.entries if e.kind == "answer"]
    assert [next(iter(e.answers.values())) for e in answers] == [
        "present", "absent", "uncertain", "unreadable", "absent", "present",
    ]  # fmt: skip
    assert answers[4].reason == "Normal variant for age"
    assert all(e.blinded and e.reader == "Anna" for e in answers)


def test_undo_brings_the_case_back(window, served):
    address, running = served()
    page = window()
    sign_in(page, address)
    page.keyboard.press("p")
    page.wait_for_selector("#next")
    page.keyboard.press("Enter")
    wait_for_case(page, 1)
    page.keyboard.press("z")
    wait_for_case(page, 0)
    assert page.locator("#next").count() == 0
    assert running.answers.cases() == []
    page.keyboard.press("c")  # the label was seen: keep and change are the words now
    page.wait_for_selector("#next")
    entry = running.journal.entries[-1]
    assert (entry.answers["chd"], entry.blinded) == ("absent", False)


def test_further_labels_and_findings_by_mouse(window, served):
    address, running = served()
    page = window()
    sign_in(page, address)
    page.keyboard.press("l")
    page.get_by_label("Absent").check()
    page.get_by_label("Long QTc", exact=True).check()
    page.get_by_role("button", name="Use these labels").click()
    assert "2 further labels or findings" in page.inner_text("#given-reason")
    page.get_by_role("button", name="Present").click()
    page.wait_for_selector("#next")
    entry = running.journal.entries[-1]
    assert dict(entry.answers) == {"chd": "present", "abnormal": "absent"}
    assert entry.findings == ("Long QTc",)


def test_nothing_hidden_reaches_the_browser_before_the_answer(window, served):
    address, running = served(overlap=1.0)
    running.answer(0, "Ben", {"chd": "absent"}, expected=None, reason="secret")
    page = window()
    bodies = []
    page.on("response", lambda r: "/api/" in r.url and "signal" not in r.url and bodies.append(r))
    sign_in(page, address)
    page.wait_for_load_state("networkidle")
    before = [response.text() for response in bodies]
    assert any('"recorded":null' in body for body in before)
    hidden = ("secret", '"probability"', '"given"', "Atrial septal", '"Ben"')
    assert [word for word in hidden if any(word in body for body in before)] == []
    assert page.locator("#reveal").is_hidden()
    page.keyboard.press("p")
    page.wait_for_selector("#reveal:not([hidden])")
    shown = page.inner_text("#reveal")
    assert "kept as recorded" in shown
    assert "0.040" in shown
    assert "absent (secret)" in shown


def test_fifty_cases_by_keyboard_with_two_crashes_lose_nothing(window, tmp_path):
    ward = written(tmp_path / "ward", copies=50)
    journal = tmp_path / "review.jsonl"
    program = Program(ward.folder, journal, "--overlap", "1")
    page = window()
    stated, change_ms = [], []
    try:
        address = program.start()
        sign_in(page, address)
        for number in range(50):
            wait_for_case(page, number)
            if number:
                change_ms.append(float(page.get_attribute("body", "data-change-ms")))
            key = "pa"[number % 2]
            if number < 49:  # a reader looks for longer than fetching the next one takes
                page.wait_for_selector(f'body[data-ahead="{number + 1}"]')
            page.keyboard.press(key)
            page.wait_for_selector("#next")
            stated.append({"p": "present", "a": "absent"}[key])
            if number in (15, 31):
                program.kill()
                page.keyboard.press("a" if key == "p" else "p")  # K and C are the keys now: nothing
                page.keyboard.press("c")
                page.wait_for_selector("#alert:not([hidden])")
                assert "does not answer" in page.inner_text("#alert")
                sign_in(page, program.start())
            else:
                page.keyboard.press("Enter")
        wait_for_case(page, 50)
        page.wait_for_selector('body[data-ahead="51"]')
        page.wait_for_timeout(200)  # what the browser still has to say of the crashes
    finally:
        program.kill()
    page.errors[:] = [
        error for error in page.errors if "Failed to load resource" not in error
    ]  # the program was away
    answers = [entry for entry in read(journal) if entry.kind == "answer"]
    assert [next(iter(entry.answers.values())) for entry in answers] == stated
    slowest = np.percentile(change_ms, 95)
    print(f"page change, 95th percentile: {slowest:.0f} ms")
    assert slowest < CHANGE_MS
    rows = (ward.folder / "labels" / "decisions.csv").read_text().splitlines()
    assert len(rows) == 51


def test_a_second_window_of_the_same_reader_does_not_overwrite(window, served):
    address, running = served()
    one, two = window(), window()
    sign_in(one, address)
    sign_in(two, address)
    one.keyboard.press("p")
    one.wait_for_selector("#next")
    two.keyboard.press("a")
    two.wait_for_selector("#alert:not([hidden])")
    assert "another window" in two.inner_text("#alert")
    assert "present" in two.inner_text("#reveal")
    assert len(running.journal.entries) == 1
    one.errors.clear()  # the browser reports the status 409


def test_a_name_that_is_script_is_only_text(window, served):
    address, _ = served()
    page = window()
    sign_in(page, address)
    for number in (0, 1):
        wait_for_case(page, number)
        page.keyboard.press("p")
        page.wait_for_selector("#next")
        page.keyboard.press("Enter")
    wait_for_case(page, 2)
    assert HOSTILE in page.inner_text("#patient")
    assert page.locator("img").count() == 0
    assert page.title() == "pedecg review"
    page.keyboard.press("r")
    page.fill("#free-reason", "<script>document.title='owned'</script>")
    page.keyboard.press("Enter")
    assert "<script>" in page.inner_text("#given-reason")
    assert page.title() == "pedecg review"
