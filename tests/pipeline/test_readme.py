"""What the README says of commands, stages and parameters is what the project has."""

import re
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import readme_parameters  # noqa: E402  (a script of the project, not a package)

from pedecg import settings  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_commands_are_repro_and_test() -> None:
    blocks = re.findall(r"```(?:sh)?\n(.*?)```", README, re.DOTALL)
    assert "make repro" in blocks[0]
    assert "make test" in blocks[0]


def test_the_table_of_parameters_is_current() -> None:
    assert readme_parameters.renewed(README) == README, "python scripts/readme_parameters.py"


def test_every_stage_is_in_the_table() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert not [name for name in stages if f"`{name}`" not in README]


def test_every_parameter_says_what_it_means() -> None:
    settings.check(ROOT / "params.yaml")
    silent = [p.key for p in settings.parameters(ROOT / "params.yaml") if not p.meaning]
    assert not silent


def test_every_picture_and_link_exists() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    local = [t for t in targets if "://" not in t]
    assert local
    assert not [t for t in local if not (ROOT / t).exists()]
