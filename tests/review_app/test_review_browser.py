"""A review in a real browser: by keyboard, on paper, blinded, through a crash, on a phone."""

import io
import re

import numpy as np
import pytest
from browser import Program, chromium, serving
from PIL import Image
from ward import FS_HZ, HOSTILE, PULSE, PULSE_FROM_S, written

from pedecg.review_app import server, worklist
from pedecg.review_app.journal import read
from pedecg.web import access

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHANGE_MS = 150.0
DARK = 90  # of 255: ink, not the grid


@pytest.fixture(scope="module")
def engine():
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def window(engine, served):
    """Open a window; any error on its console fails the test. It is closed before the server is."""
    contexts, errors = [], []

    def open_window(width=1440, height=900, **more):
        context = engine.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: m.type == "error" and errors.append(m.text))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.errors = errors
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def served(review, ecgs):
    """Serve a review of the ward and return its address."""
    stack = []

    def serve(cases=None, **settings):
        running = review(**settings)
        if cases is not None:
            running.worklist = running.queue.worklist = cases
        gate = access.Access(server.COOKIE)
        manager = serving(server.build(running, ecgs, gate))
        stack.append(manager)
        return f"http://127.0.0.1:{manager.__enter__()}/?token={gate.token}", running

    yield serve
    for manager in stack:
        manager.__exit__(None, None, None)


def sign_in(page, address, name="Anna"):
    page.goto(address)
    page.fill("#reader-name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-case]")


def wait_for_case(page, number):
    page.wait_for_selector(f'body[data-case="{number}"]')


# ---- the keyboard --------------------------------------------------------------------------


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


# ---- blinding ------------------------------------------------------------------------------


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


# ---- the paper -----------------------------------------------------------------------------


def ink(page):
    """Dark pixels of the paper, shape (height, width), and pixels per millimetre."""
    shot = Image.open(io.BytesIO(page.locator("#paper").screenshot())).convert("L")
    scale = float(page.get_attribute("#paper", "data-px-per-mm"))
    return np.asarray(shot) < DARK, scale


def longest_run(row):
    """First and last column of the longest dark stretch of a row of pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    starts, ends = edges[::2], edges[1::2]
    k = np.argmax(ends - starts)
    return starts[k], ends[k] - 1


def pulse_on(page):
    """Left, right, top and foot of the pulse in lead I, pixels of the paper."""
    dark, scale = ink(page)
    left = 15 + 25 * (PULSE_FROM_S - 0.4)
    window_px = slice(round(left * scale), round((left + 25 * 1.0) * scale))
    part = dark[: round(42 * scale), window_px]
    # The lead's name lies left of this window; what is dark in it is the trace of lead I.
    runs = [longest_run(row) if row.any() else (0, 0) for row in part]
    widths = np.array([b - a for a, b in runs])
    top = int(np.flatnonzero(widths >= 3 * scale)[0])
    foot = int(np.argmax(widths))  # the line before and after the pulse
    foot = int(np.flatnonzero(widths >= 0.3 * widths.max())[-1]) if foot <= top else foot
    a, b = runs[top]
    return window_px.start + a, window_px.start + b, top, foot


@pytest.fixture
def pulse_page(window, served, ward, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text(f"record_id,label\n{PULSE},chd\n")
    address, _ = served(worklist.from_list(ward.labels, ward.records, 1, file))
    page = window()
    sign_in(page, address)
    page.wait_for_timeout(200)
    return page


def test_the_paper_is_at_its_true_scale(pulse_page):
    left, right, top, foot = pulse_on(pulse_page)
    _, scale = ink(pulse_page)
    assert scale == pytest.approx(96 / 25.4, abs=0.001)
    assert right - left == pytest.approx(5 * scale, abs=2)  # 200 ms at 25 mm/s
    assert foot - top == pytest.approx(10 * scale, abs=2)  # 1 mV at 10 mm/mV


@pytest.mark.parametrize(("key", "wide", "high"), [("t", 10, 10), ("g", 5, 20)])
def test_speed_and_gain_stretch_the_paper_and_not_the_scale(pulse_page, key, wide, high):
    page = pulse_page
    before = pulse_on(page)
    page.keyboard.press(key)
    page.wait_for_timeout(200)
    dark, scale = ink(page)
    assert scale == pytest.approx(96 / 25.4, abs=0.001)
    # In the new arrangement lead I begins at the same 15 mm.
    start = 15 + (50 if key == "t" else 25) * PULSE_FROM_S
    part = dark[: round(60 * scale), round((start - 3) * scale) : round((start + wide + 3) * scale)]
    runs = [longest_run(row) if row.any() else (0, 0) for row in part]
    widths = np.array([b - a for a, b in runs])
    top = int(np.flatnonzero(widths >= 3 * scale)[0])
    foot = int(np.flatnonzero(part[:, 2])[0])  # the baseline before the pulse
    assert widths[top] == pytest.approx(wide * scale, abs=2)
    assert foot - top == pytest.approx(high * scale, abs=2)
    assert before != (top, foot)


def test_calipers_measure_the_pulse_by_mouse(pulse_page):
    page = pulse_page
    left, right, top, foot = pulse_on(page)
    box = page.locator("#paper").bounding_box()
    page.keyboard.press("m")
    page.mouse.move(box["x"] + left + 0.5, box["y"] + foot)
    page.mouse.down()
    page.mouse.move(box["x"] + right + 0.5, box["y"] + top, steps=5)
    page.mouse.up()
    ms, bpm, mv = map(float, re.findall(r"[\d.]+", page.inner_text("#readout")))
    assert ms == pytest.approx(200, abs=12)  # a pixel is 10.6 ms
    assert bpm == pytest.approx(60000 / ms, abs=2)
    assert mv == pytest.approx(1.0, abs=0.04)  # a pixel is 0.026 mV


def test_calipers_move_by_keyboard_sample_by_sample(pulse_page):
    page = pulse_page
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")  # appears: 200 ms, 0.5 mV
    assert page.inner_text("#readout") == "200 ms · 300 bpm · 0.50 mV"
    for _ in range(50):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    for _ in range(25):
        page.keyboard.press("Shift+ArrowLeft")
    assert page.inner_text("#readout") == f"{200 + 75 * 1000 / FS_HZ:.0f} ms · 171 bpm · 1.00 mV"
    before = ink(page)[0].sum()
    page.keyboard.press("o")  # march-out adds lines
    page.wait_for_timeout(100)
    assert page.locator("#readout").is_visible()
    page.keyboard.press("m")
    assert page.locator("#readout").is_hidden()
    assert before > 0


def test_the_display_follows_its_keys(window, served):
    address, _ = served()
    page = window()
    sign_in(page, address)
    plain = page.locator("#paper").screenshot()
    for key, name in (("f", "Filter"), ("w", "Waves"), ("b", "Median beat"), ("y", "12 × 1")):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        assert page.get_by_role("button", name=name).get_attribute("aria-pressed") == "true"
        changed = page.locator("#paper").screenshot()
        assert changed != plain
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        assert page.locator("#paper").screenshot() == plain, name
    page.keyboard.press("+")
    assert "at 125 %" in page.inner_text("#scale")
    page.keyboard.press("e")
    page.wait_for_selector("#second:not([hidden])")
    assert page.inner_text("#second-title").startswith("Later ECG of this child: 2 years")


# ---- crash, two windows, hostile names -----------------------------------------------------


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


# ---- screens and accessibility -------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1024, 700), (1920, 1080)])
def test_nothing_sticks_out_of_the_screen(window, served, width, height):
    address, _ = served()
    page = window(width, height, has_touch=width < 800, is_mobile=width < 800)
    sign_in(page, address)
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.locator("#paper").bounding_box()
    assert paper["height"] > 200
    for word in ("Present", "Absent", "Uncertain", "Unreadable"):
        box = page.get_by_role("button", name=word).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 36
    page.get_by_role("button", name="Absent").click()
    page.wait_for_selector("#next")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_contrast_and_names_satisfy_wcag_aa(window, served, width, height):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is absent")
    address, _ = served(senior=("Anna",))
    page = window(width, height)
    page.goto(address)
    page.wait_for_selector("#sign-in[open]")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}

    def check(state):
        page.wait_for_timeout(100)
        found = axe.Axe().run(page, options=options).response["violations"]
        reported = [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found]
        assert reported == [], state

    check("sign-in")
    sign_in(page, address)
    check("case")
    page.keyboard.press("w")
    page.keyboard.press("p")
    page.wait_for_selector("#next")
    check("answered")
    for key, state in (("i", "agreement"), ("?", "keys"), ("r", "reasons"), ("l", "labels")):
        page.keyboard.press(key)
        page.wait_for_selector("#dialog[open]")
        check(state)
        page.keyboard.press("Escape")


def test_panning_sixty_seconds_of_twelve_leads_is_fluent(window, served):
    """Time to draw one picture, median of 60 while the paper moves: below 1/60 s."""
    address, _ = served()
    page = window()
    sign_in(page, address)
    drawn = page.evaluate(
        """async () => {
        const { Paper } = await import("/static/paper.js");
        const canvas = document.getElementById("paper");
        const paper = new Paper(canvas);
        const fs = 500, n = 60 * fs;
        const leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
        const samples = new Int16Array(12 * n).map((_, i) => 800 * Math.sin(i / 9) ** 21);
        paper.layout = "rows";
        paper.show({ leads, fs, n, samples, waves: {} });
        const times = [];
        for (let k = 0; k < 60; k++) {
          paper.x += 30;
          await new Promise((done) => {
            paper.onDrawn = () => done(null);
            paper.redraw();
          });
          times.push(paper.lastDrawMs);
        }
        return times.sort((a, b) => a - b)[30];
      }"""
    )
    print(f"one picture: {drawn:.1f} ms")
    assert 0 < drawn < 1000 / 60
