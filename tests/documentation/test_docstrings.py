"""A public function of arrays says their shapes in its docstring."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "pedecg"
ARRAYS = ("NDArray", "Tensor")
# "shape (n, n_targets)", "(B, n_leads, n_samples)", "The same shape", or a reference to a function
# that says it.
SAYS_SHAPE = re.compile(r"\bshapes?\b|\((n|B|…)[\w, *:]*,|see `|as (for )?`", re.IGNORECASE)


@cache
def aliases() -> frozenset[str]:
    """Return the names that modules give to array types, such as ``Floats``."""
    found = set(ARRAYS)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            if ast.unparse(node.value).startswith(ARRAYS):
                found.add(node.targets[0].id)
    return frozenset(found)


def public(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield functions and methods of public classes; what begins with ``_`` is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            if isinstance(node, ast.FunctionDef):
                yield node
            else:
                yield from public(node)


def arrays_of(function: ast.FunctionDef) -> list[str]:
    """Return the parameters that are arrays, and "return" where the result is."""
    parts = {a.arg: a.annotation for a in (*function.args.args, *function.args.kwonlyargs)}
    parts["return"] = function.returns
    return [
        name
        for name, annotation in parts.items()
        if annotation is not None and aliases() & set(re.findall(r"\w+", ast.unparse(annotation)))
    ]


@pytest.mark.parametrize(
    "package", sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists())
)
def test_a_public_function_of_arrays_says_their_shapes(package: str) -> None:
    silent = [
        f"{path.relative_to(PACKAGE)}:{function.lineno} {function.name}: {arrays}"
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for function in public(ast.parse(path.read_text()))
        if (arrays := arrays_of(function))
        and not SAYS_SHAPE.search(ast.get_docstring(function) or "")
    ]
    assert not silent, "\n".join(silent)


def test_the_check_sees_a_silent_function() -> None:
    silent = "def f(x: Floats) -> float:\n    'Return the mean.'"
    telling = "def f(x: Floats) -> float:\n    'Return the mean of x, shape (n,).'"
    verdicts = [
        bool(arrays_of(one) and SAYS_SHAPE.search(ast.get_docstring(one) or ""))
        for text in (silent, telling)
        for one in public(ast.parse(text))
    ]
    assert verdicts == [False, True]
