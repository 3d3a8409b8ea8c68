"""Leads are found by name in any case, and an absent lead is zeros plus a mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.records import LEADS, NINE_LEADS, EcgRecord, canonical_lead


@given(st.sampled_from(LEADS), st.data())
def test_lead_names_match_in_any_case(lead: str, data: st.DataObject) -> None:
    flips = data.draw(st.lists(st.booleans(), min_size=len(lead), max_size=len(lead)))
    mixed = "".join(c.upper() if f else c.lower() for c, f in zip(lead, flips, strict=True))
    assert canonical_lead(mixed) == lead


@pytest.mark.parametrize("name", ["V7", "", "aV", "MLII", "V3R"])
def test_an_unknown_lead_has_no_name(name: str) -> None:
    assert canonical_lead(name) is None


def test_channel_seven_of_a_nine_lead_record_is_v3() -> None:
    signal = np.arange(9, dtype=np.float32)[:, None] + np.ones((9, 5), np.float32)
    full, mask = EcgRecord("r", "p", "r", signal, 500.0, NINE_LEADS).twelve()
    assert full.shape == (12, 5)
    assert full[LEADS.index("V3"), 0] == signal[7, 0]
    assert not full[LEADS.index("V2")].any()
    assert [lead for lead, has in zip(LEADS, mask, strict=True) if not has] == ["V2", "V4", "V6"]
