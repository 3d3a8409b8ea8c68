"""Padding is cut off; the recording between is not."""

import numpy as np
import pytest

from pedecg.core.records import EcgRecord
from pedecg.signals import padding

FS_HZ = 400.0


def noise(seconds, leads=3):
    return np.random.default_rng(0).normal(0, 0.1, (leads, round(seconds * FS_HZ)))


@pytest.mark.parametrize("value", [0.0, 0.4, np.nan])
@pytest.mark.parametrize("seconds", [3.0, 7.0])
def test_a_constant_on_both_sides_is_padding_whatever_its_value(value, seconds):
    signal = np.full((3, 4096), value)
    middle = noise(seconds)
    signal[:, 500 : 500 + middle.shape[1]] = middle
    assert padding.recorded(signal, FS_HZ) == slice(500, 500 + middle.shape[1])


def test_the_last_value_held_is_padding():
    signal = noise(10)
    signal[:, 3000:] = signal[:, 2999:3000]
    kept = padding.recorded(signal, FS_HZ)
    assert (kept.start, kept.stop) == (
        0,
        2999,
    )  # the value itself cannot be reported from its copies


def test_a_single_lead_that_stands_still_is_no_padding():
    signal = noise(10)
    signal[0, :2000] = 0.0
    assert padding.recorded(signal, FS_HZ) == slice(0, signal.shape[1])


def test_a_pause_within_the_record_and_a_short_rest_are_kept():
    signal = noise(10)
    signal[:, 1500:2500] = 0.0
    signal[:, :100] = 0.0
    assert padding.recorded(signal, FS_HZ) == slice(0, signal.shape[1])


def test_a_record_that_is_all_constant_is_left_whole():
    assert padding.recorded(np.zeros((2, 4000)), FS_HZ) == slice(0, 4000)


def test_a_record_without_padding_is_the_same_object():
    record = EcgRecord(noise(5).astype(np.float32), FS_HZ, ("I", "II", "III"))
    assert padding.trimmed(record) is record
    padded = EcgRecord(np.pad(record.signal, ((0, 0), (800, 400))), FS_HZ, record.leads)
    np.testing.assert_array_equal(padding.trimmed(padded).signal, record.signal)
