"""Renew the README's table of parameters from their types: python scripts/readme_parameters.py."""

from pathlib import Path

from pedecg import settings

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- parameters: begin -->", "<!-- parameters: end -->"


def renewed(readme: str) -> str:
    """Return the README's text with the table between the two marks made anew."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{settings.markdown(ROOT / 'params.yaml')}{END}{after}"


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
