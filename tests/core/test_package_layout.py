"""Where code lies: packages that CONTRIBUTING describes, and nothing beside them."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "pedecg"


def folders() -> set[str]:
    return {p.name for p in PACKAGE.iterdir() if p.is_dir() and not p.name.startswith("__")}


def described() -> list[str]:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)/` \|", table, re.MULTILINE)


def test_no_module_lies_beside_the_packages_but_the_command_line() -> None:
    assert {file.name for file in PACKAGE.glob("*.*")} == {"__init__.py", "cli.py"}


def test_contributing_describes_every_package_once() -> None:
    assert sorted(described()) == sorted(folders())


def test_contributing_lists_the_packages_from_the_lowest_layer_up() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    layers = [set(layer.split(" | ")) for layer in reversed(contract["layers"])]
    level = {name: number for number, layer in enumerate(layers) for name in layer}
    levels = [level[name] for name in described() if name in level]
    assert levels == sorted(levels)
    assert folders() - set(level) == {"weights"}, "a package without code has no layer"
