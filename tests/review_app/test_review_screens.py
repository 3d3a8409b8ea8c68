"""The page on narrow and wide screens, and for everybody: WCAG AA."""

import pytest
from browser import sign_in

pytestmark = pytest.mark.slow


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
