"""Take the pictures of the review page in docs/: ``python scripts/review_pictures.py``.

Needs Playwright and Chromium, as tests/review_app does, whose simulated children are shown.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "review_app"))

import browser  # type: ignore[import-not-found]  # noqa: E402
import ward  # type: ignore[import-not-found]  # noqa: E402
from PIL import Image  # noqa: E402
from playwright import sync_api  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True,
    "device_scale_factor": 2,
}  # fmt: skip


def case(page: Any) -> None:
    """Show a case before the answer, with an interval measured in lead II."""
    page.keyboard.press("m")
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 406, box["y"] + box["height"] * 0.87)
    page.mouse.down()
    page.mouse.move(box["x"] + 469, box["y"] + box["height"] * 0.80, steps=4)
    page.mouse.up()


def two_ecgs(page: Any) -> None:
    """Show two ECGs of one child, one above the other."""
    page.keyboard.press("e")
    page.wait_for_selector("#second:not([hidden])")


def waves(page: Any) -> None:
    """Show the wave editor with a boundary chosen."""
    page.keyboard.press("d")
    page.wait_for_selector('button:has-text("All waves are right")')
    for _ in range(12):
        page.keyboard.press(".")
    page.keyboard.press("ArrowRight")


def phone(page: Any) -> None:
    """Show a case on a phone."""


def phone_waves(page: Any) -> None:
    """Show the wave editor on a phone, with its buttons in view."""
    page.get_by_role("button", name="Correct waves").tap()
    button = page.get_by_role("button", name="All waves are right")
    button.wait_for()
    page.get_by_role("button", name="All leads").scroll_into_view_if_needed()


PICTURES: dict[str, tuple[dict[str, Any], Callable[[Any], None]]] = {
    "review_case.png": (DESKTOP, case),
    "review_two_ecgs.png": (DESKTOP, two_ecgs),
    "review_waves.png": (DESKTOP, waves),
    "review_phone.png": (PHONE, phone),
    "review_phone_waves.png": (PHONE, phone_waves),
}


@contextmanager
def opened(engine: Any, address: str, screen: dict[str, Any]) -> Iterator[Any]:
    """Open the page as a reader, at the first case."""
    context = engine.new_context(**screen)
    page = context.new_page()
    browser.sign_in(page, address, "Anna")
    page.wait_for_load_state("networkidle")
    yield page
    context.close()


def main() -> None:
    """Take every picture of a review that begins anew."""
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        made = ward.written(Path(folder) / "ward")
        engine = playwright.chromium.launch(
            executable_path=browser.chromium(), args=["--no-sandbox"]
        )
        for name, (screen, prepare) in PICTURES.items():
            program = browser.Program(made.folder, Path(folder) / f"{name}.jsonl")
            try:
                with opened(engine, program.start(), screen) as page:
                    prepare(page)
                    page.wait_for_timeout(400)
                    shot = Image.open(io.BytesIO(page.screenshot()))
                    # A palette: a third of the size, and no difference to the eye.
                    shot.convert("RGB").quantize(256).save(IMAGES / name, optimize=True)
            finally:
                program.kill()
        engine.close()


if __name__ == "__main__":
    main()
