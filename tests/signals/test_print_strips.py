"""Prints are reported from whole records, and their columns from each other."""

import numpy as np
import pytest

from pedecg.signals import print_strips

FS_HZ = 500.0


def print_of(fill, rhythm=False, columns=4):
    """Three rows of four columns of 2.5 s, with a rhythm strip if wanted."""
    n_samples = round(2.5 * columns * FS_HZ)
    noise = np.random.default_rng(0).normal(0, 0.1, (3 * columns + rhythm, n_samples))
    signal = np.full_like(noise, fill)
    for row in range(3 * columns):
        start = row // 3 * n_samples // columns
        strip = slice(start, start + n_samples // columns)
        signal[row, strip] = noise[row, strip]
    if rhythm:
        signal[-1] = noise[-1]
    return signal


@pytest.mark.parametrize("fill", [np.nan, 0.0, 0.3])
def test_each_column_has_its_leads_and_its_time(fill):
    found = print_strips.columns(print_of(fill), FS_HZ)
    assert [column.rows for column in found] == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11)]
    assert [(c.start, c.stop) for c in found] == [
        (0, 1250), (1250, 2500), (2500, 3750), (3750, 5000),
    ]  # fmt: skip


def test_a_rhythm_strip_belongs_to_every_column():
    found = print_strips.columns(print_of(np.nan, rhythm=True), FS_HZ)
    assert all(12 in column.rows for column in found)
    assert len(found) == 4


def test_a_whole_record_is_no_print():
    noise = np.random.default_rng(0).normal(0, 0.1, (12, 5000))
    assert print_strips.columns(noise, FS_HZ) == []
    noise[4] = 0.0  # an electrode that was never on
    noise[7, 2000:] = 0.0  # one that came off
    assert print_strips.columns(noise, FS_HZ) == []


def test_nothing_but_gaps_is_no_print():
    assert print_strips.columns(np.full((12, 5000), np.nan), FS_HZ) == []
