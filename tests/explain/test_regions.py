"""Shares of a map in P, QRS, ST-T and the rest, against their share of time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.explain import beat_regions

WAVES = pd.DataFrame(
    [("P", 0.1, 0.15, 0.2), ("QRS", 0.3, 0.35, 0.39), ("T", 0.5, 0.6, 0.7),
     ("QRS", 1.3, 1.35, 1.39), ("T", np.nan, 1.6, 1.7)],
    columns=["wave", "onset_s", "peak_s", "offset_s"],
)  # fmt: skip


def names(waves: pd.DataFrame, n: int = 200) -> list[str]:
    return [beat_regions.REGIONS[i] for i in beat_regions.of_samples(waves, 100.0, n)]


def test_the_st_segment_belongs_to_st_t():
    found = names(WAVES)
    assert [found[i] for i in (5, 15, 25, 35, 45, 60, 80)] == [
        "rest", "P", "rest", "QRS", "ST-T", "ST-T", "rest",
    ]  # fmt: skip
    assert found[150] == "ST-T"


def test_a_beat_without_t_has_no_st_t_and_a_t_alone_is_its_own():
    without = WAVES.iloc[[0, 1, 3, 4]]
    assert names(without)[45] == "rest"
    alone = WAVES.iloc[[2]]
    assert names(alone)[45] == "rest"
    assert names(alone)[55] == "ST-T"


def test_shares_of_map_and_of_time_each_sum_to_one():
    region = beat_regions.of_samples(WAVES, 100.0, 200)
    rng = np.random.default_rng(0)
    found = beat_regions.shares(rng.random((12, 200)), region)
    assert sum(share for share, _ in found.values()) == pytest.approx(1)
    assert sum(time for _, time in found.values()) == pytest.approx(1)


@given(st.integers(0, 10_000))
def test_a_share_never_exceeds_the_whole_by_rounding(seed):
    rng = np.random.default_rng(seed)
    region = np.full(3000, rng.integers(len(beat_regions.REGIONS)))
    found = beat_regions.shares(rng.random((1, 3000)) / 7, region)
    assert max(share for share, _ in found.values()) == 1.0


def test_an_empty_map_has_no_shares():
    region = beat_regions.of_samples(WAVES, 100.0, 200)
    assert all(
        np.isnan(share) for share, _ in beat_regions.shares(np.zeros((12, 200)), region).values()
    )
