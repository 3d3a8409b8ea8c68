"""The pinned environment installs on every Python that pedecg names, old patch releases too."""

import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
# Debian 12 has 3.11.2; pip's own words for a pin that refuses it do not name Python at all.
OLDEST = "3.11.0"


def test_no_installed_distribution_refuses_the_oldest_python_that_pedecg_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SpecifierSet(project["requires-python"]).contains(OLDEST)
    refusing = {
        f"{found.name} {found.version}: {wanted}"
        for found in distributions()
        if (wanted := found.metadata.get("Requires-Python"))
        and not SpecifierSet(wanted).contains(OLDEST)
    }
    assert not refusing
