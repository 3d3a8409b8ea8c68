"""Leads are found by name, in any case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core.records import LEADS, canonical_lead


@given(st.sampled_from(LEADS), st.data())
def test_lead_names_match_in_any_case(lead: str, data: st.DataObject) -> None:
    flips = data.draw(st.lists(st.booleans(), min_size=len(lead), max_size=len(lead)))
    mixed = "".join(c.upper() if f else c.lower() for c, f in zip(lead, flips, strict=True))
    assert canonical_lead(mixed) == lead


@pytest.mark.parametrize("name", ["V7", "", "aV", "MLII", "V3R"])
def test_an_unknown_lead_has_no_name(name: str) -> None:
    assert canonical_lead(name) is None
