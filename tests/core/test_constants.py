"""Numbers in the modules have a name and a reason."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "pedecg"
PACKAGES = sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py"))


def is_number(value: ast.expr) -> bool:
    """Say whether an expression consists of numbers alone, in a tuple or mapping too."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    if isinstance(value, ast.BinOp):
        return is_number(value.left) and is_number(value.right)
    if isinstance(value, ast.Tuple | ast.List):
        return bool(value.elts) and all(map(is_number, value.elts))
    return isinstance(value, ast.Dict) and bool(value.values) and all(map(is_number, value.values))


def without_reason(source: str) -> list[str]:
    """Return the lines of numeric constants that no comment on, or just above them, explains.

    A constant whose name is a conversion, such as ``MS_PER_S``, needs none.
    """
    lines = source.splitlines()
    bare = []
    for node in ast.parse(source).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is None or not is_number(value):
            continue
        line = lines[node.lineno - 1]
        explained = "#" in line or lines[node.lineno - 2].startswith("#")
        if not explained and "_PER_" not in line.split("=")[0]:
            bare.append(line)
    return bare


def test_a_number_without_a_reason_is_noticed() -> None:
    source = "X = 3\n# Why.\nY = 4\nZ_S = 0.5  # why\nMS_PER_S = 1000\nW = {'a': 1, 'b': -2.0}\n"
    assert without_reason(source) == ["X = 3", "W = {'a': 1, 'b': -2.0}"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_number_has_a_reason(package: str) -> None:
    bare = {
        file.relative_to(PACKAGE).as_posix(): lines
        for file in sorted((PACKAGE / package).rglob("*.py"))
        if (lines := without_reason(file.read_text(encoding="utf-8")))
    }
    assert not bare, "a comment says why the number is what it is"
