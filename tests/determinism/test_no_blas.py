"""What every processor must compute to the same bits calls no BLAS and no LAPACK.

Their sums are taken in an order that depends on the processor; `core.elementary` has the same
operations in a fixed order.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src/pedecg"
ALLOWED = {
    "waves/array_network.py": "sums of whole numbers, exact in any order",
    "signals/augmentation_steps.py": "torch, in the training of networks alone",
}
CALLS = {"linalg", "dot", "vdot", "matmul", "tensordot", "polyfit", "lstsq"}


def calls(source: str) -> list[str]:
    """Return each call of BLAS or LAPACK, and each matrix product, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append(f"{node.lineno}: @")
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            found.append(f"{node.lineno}: {node.attr}")
        elif isinstance(node, ast.keyword) and node.arg == "optimize":
            found.append(f"{node.value.lineno}: optimize")
    return found


@pytest.mark.parametrize("package", ["rules", "signals", "simulation", "waves"])
def test_a_package_before_the_models_calls_no_blas(package: str) -> None:
    found = {
        name: here
        for file in sorted((PACKAGE / package).rglob("*.py"))
        if (name := file.relative_to(PACKAGE).as_posix()) not in ALLOWED
        and (here := calls(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_what_is_allowed_is_needed() -> None:
    assert all(calls((PACKAGE / name).read_text(encoding="utf-8")) for name in ALLOWED)


@pytest.mark.parametrize(
    "line", ["a @ b", "a @= b", "np.linalg.qr(a)", "a.dot(b)", "np.einsum('ij,jk', a, optimize=1)"]
)
def test_each_form_is_found(line: str) -> None:
    assert len(calls(line)) == 1
