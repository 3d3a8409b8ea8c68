"""The site builds without a warning, and nothing on it is loaded from another host."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it; skips where the extra `docs` is not installed."""
    for module in ("mkdocs", "material", "mkdocstrings"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed; it comes with the extra docs (make env)")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_without_a_warning(site: Path) -> None:
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert {"index.html", "tutorial.html", "glossary.html", "reference/cli.html"} <= pages
    assert "reference/api/core.html" in pages
    assert (site / "search/search_index.json").stat().st_size > 100_000


@pytest.mark.slow
def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    loaded = re.compile(r'<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="(https?:[^"]+)"')
    outside = {
        url: page.name
        for page in site.rglob("*.html")
        for url in loaded.findall(page.read_text(encoding="utf-8"))
    }
    assert not outside


@pytest.mark.slow
def test_functions_show_their_parameters_with_units(site: Path) -> None:
    page = (site / "reference/api/evaluation.html").read_text(encoding="utf-8")
    assert "pedecg.evaluation.metrics" in page
    assert "shape (n" in page
