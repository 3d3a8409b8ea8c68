"""A wrong parameter is one line that names the file, the key, what was found and what expected."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, model_validator

from pedecg.core import params
from pedecg.core.errors import PedecgError


class Inner(params.Section):
    width: int = Field(ge=1, le=512, description="channels")


class Example(params.Section):
    learning_rate: float = Field(gt=0, description="step size")
    method: Literal["fast", "slow"] = Field(description="how")
    fractions: list[float] = Field(description="sum 1")
    limit: float | None = Field(ge=0, description="null: none")
    inner: Inner

    @model_validator(mode="after")
    def sum_to_one(self) -> "Example":
        if abs(sum(self.fractions) - 1) > 1e-9:
            shown = " + ".join(f"{f:g}" for f in self.fractions)
            raise ValueError(f"fractions must sum to 1 (found {shown})")
        return self


GOOD = """
example:
  learning_rate: 1e-3   # YAML 1.2: a number
  method: fast
  fractions: [0.5, 0.5]
  limit: null
  inner: {width: 32}
"""


def load(tmp_path: Path, text: str) -> Example:
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")
    return params.load("example", Example, file)


def test_a_number_in_exponent_form_is_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).learning_rate == 1e-3


@pytest.mark.parametrize(
    ("old", "new", "stated"),
    [
        ("1e-3", "banana", "example.learning_rate must be number > 0 (found 'banana')"),
        ("1e-3", "-1", "example.learning_rate must be number > 0 (found -1)"),
        ("1e-3", "'1e-3'", "example.learning_rate must be number > 0 (found '1e-3')"),
        ("1e-3", ".nan", "example.learning_rate must be number > 0 (found nan)"),
        ("learning_rate", "learning_rat", "unknown key example.learning_rat; did you mean learn"),
        ("method: fast", "method: fats", "example.method must be fast or slow (found 'fats')"),
        ("method: fast", "", "example.method is missing"),
        ("width: 32", "width: 3.5", "example.inner.width must be integer ≥ 1, ≤ 512 (found"),
        ("width: 32", "width: true", "example.inner.width must be integer ≥ 1, ≤ 512 (found"),
        ("width: 32", "width: 1000", "must be integer ≥ 1, ≤ 512 (found 1000)"),
        ("width: 32", "widht: 32", "unknown key example.inner.widht; did you mean width?"),
        ("limit: null", "limit: x", "example.limit must be number or null ≥ 0 (found 'x')"),
        (
            "[0.5, 0.5]",
            "[0.6, 0.2, 0.3]",
            "example.fractions must sum to 1 (found 0.6 + 0.2 + 0.3)",
        ),
        ("[0.5, 0.5]", "0.5", "example.fractions must be list of number (found 0.5)"),
        ("example:", "exampel:", "example is missing; did you mean exampel?"),
        ("inner: {width: 32}", "inner: [", "not valid YAML"),
    ],
)
def test_a_wrong_parameter_is_one_clear_line(
    tmp_path: Path, old: str, new: str, stated: str
) -> None:
    with pytest.raises(PedecgError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    message = str(caught.value)
    assert message.startswith("params.yaml: ")
    assert stated in message
    assert "\n" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PedecgError, match=r"params\.yaml: not found"):
        params.load("example", Example, tmp_path / "params.yaml")
