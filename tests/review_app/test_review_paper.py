"""The paper in a real browser: true scale, calipers, what its keys display, fluent panning."""

import io
import re

import numpy as np
import pytest
from browser import sign_in
from PIL import Image
from ward import FS_HZ, PULSE, PULSE_FROM_S

from pedecg.review_app import worklist

DARK = 90  # of 255: ink, not the grid

pytestmark = pytest.mark.slow


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
        assert (
            page.get_by_role("button", name=name, exact=True).get_attribute("aria-pressed")
            == "true"
        )
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
