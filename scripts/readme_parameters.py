"""Renew the README's tables of parameters from their types: python scripts/readme_parameters.py."""

import re
from pathlib import Path

from pedecg import params, settings

ROOT = Path(__file__).resolve().parents[1]
# A table lies between two marks; the second word is its pipeline's folder, none: the root.
MARKED = re.compile(
    r"(<!-- parameters ?(\S*): begin -->\n).*?(<!-- parameters ?\2: end -->)", re.DOTALL
)


def renewed(readme: str) -> str:
    """Return the README's text with every table between its marks made anew."""
    return MARKED.sub(_table, readme)


def _table(found: re.Match[str]) -> str:
    begin, pipeline, end = found.groups()
    return f"{begin}{settings.markdown(ROOT / pipeline / params.PARAMS_FILE)}{end}"


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
