"""Names from outside form no path, no formula, and hide nothing."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.cohorts import csv_table
from pedecg.core import names, tables

GOOD = ["abnormal", "chd", "QTc", "心電図", "Herzfehler_1", "a b", "50% (x)"]
BAD = [
    "", " a", "a ", "../../../ESC=A", "LV/RV", "a\\b", ".hidden", "-rf", "=HYPERLINK(1)",
    "+1", "@SUM",
    "a\nb", "a\0b", "x\u202ey", "\u2066x", "a\u200bb", "x" * 61, "<b>", "a|b", "$(x)", "`x`", "a;b",
]  # fmt: skip
FORMULAS = ['=HYPERLINK("http://x")', "@SUM(1)", "+1+2", "-2+3", "\t=1", "=", "-x"]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_of_letters_of_any_script_is_one(name):
    assert names.fault(name) is None


@pytest.mark.parametrize("name", BAD)
def test_what_forms_a_path_a_command_or_a_formula_is_no_name(name):
    assert names.fault(name) is not None
    with pytest.raises(ValueError, match="names that can be part of a file name"):
        names.require([name])


@pytest.mark.parametrize("identifier", ["a/b", "=1", "kid's", "👨‍👩‍👧", "می‌خواهم", "100%_#1"])
def test_an_identifier_is_what_a_data_set_has(identifier):
    assert names.identifier_fault(identifier) is None


@pytest.mark.parametrize("identifier", ["a\0", "a\nb", "x\u202etxt", "\ufeffa", "x" * 501])
def test_an_identifier_hides_nothing(identifier):
    assert names.identifier_fault(identifier) is not None
    assert not set(names.visible(identifier)) & set("\0\n\u202e\ufeff")


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_no_formula_in_a_csv_and_is_read_back_as_it_was(tmp_path, cell):
    file = tmp_path / "table.csv"
    tables.write_csv(pd.DataFrame({"record_id": [cell], "n": [-1.5]}), file)
    raw = file.read_bytes().decode()
    assert "'" + cell[0] in raw
    (row,) = csv_table.read(file, ["record_id", "n"])
    assert row == {"record_id": cell.strip() if cell.strip() in FORMULAS else cell, "n": "-1.5"}


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-5", "a=b", "I", "", "'quoted'"])
def test_numbers_and_plain_texts_stay(tmp_path, cell):
    assert names.neutralised(cell) == cell
    assert names.original(cell) == cell


@given(st.text())
def test_what_is_neutralised_is_told_again(cell):
    written = names.neutralised(cell)
    assert not written.startswith(("=", "@"))
    if not cell.startswith("'"):
        assert names.original(written) == cell


def test_a_column_name_is_no_formula_either():
    table = tables.without_formulas(pd.DataFrame({"=1": [1], "b": ["=2"]}))
    assert list(table.columns) == ["'=1", "b"]
    assert list(table["b"]) == ["'=2"]


def test_a_file_stem_has_no_slash_and_nothing_hidden():
    assert names.file_stem("a/b\u202ec\0") == "a_b_c_"
