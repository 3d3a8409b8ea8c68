"""Labels stay where they are, whatever the sampling rate and the length of the record."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.waves import network_input, network_output, wave_targets
from pedecg.waves.annotations import QRS, Marks, P, T, marks_of


def spaced_beats(length_s: float, rr_s: float = 0.5) -> Marks:
    starts = np.arange(0.2, length_s - 0.5, rr_s)
    waves = [
        (kind, start + low, start + (low + high) / 2, start + high)
        for start in starts
        for kind, low, high in ((P, 0.0, 0.07), (QRS, 0.11, 0.18), (T, 0.25, 0.4))
    ]
    return marks_of(np.array(waves))


@given(
    fs_hz=st.sampled_from([100, 128, 250, 257, 300, 360, 500, 977, 1000]),
    length_s=st.floats(3, 12),
)
def test_boundaries_come_back_to_a_millisecond_at_any_rate_and_length(fs_hz, length_s):
    marks = spaced_beats(length_s)
    n_frames = _frames(round(fs_hz * length_s), fs_hz)
    shares, _ = wave_targets.targets(marks, n_frames)
    found = network_output.waves(shares[None])
    for kind in (P, QRS, T):
        of_kind = found.kind == kind
        np.testing.assert_allclose(found.onset_s[of_kind], marks.of(kind)[:, 0], atol=0.001)
        np.testing.assert_allclose(found.offset_s[of_kind], marks.of(kind)[:, 2], atol=0.001)


def test_9999_samples_at_1000_hz_do_not_drift():
    marks = spaced_beats(9.999)
    shares, _ = wave_targets.targets(marks, _frames(9999, 1000))
    last = network_output.waves(shares[None]).onset_s[-1]
    assert last == pytest.approx(marks.of(T)[-1, 0], abs=0.001)


def test_a_sample_keeps_its_time_when_the_rate_changes():
    impulse = np.zeros((1, 9999), np.float32)
    impulse[0, 9000] = 1.0
    assert network_input.resample(impulse, 1000.0).argmax() / wave_targets.FS_HZ == pytest.approx(
        9.0
    )


def test_what_lies_before_the_first_and_after_the_last_mark_is_unknown():
    _, known = wave_targets.targets(
        marks_of(np.array([(QRS, 1.0, 1.05, 1.1), (T, 1.2, 1.3, 1.4)])), 400
    )
    times = np.arange(400) * wave_targets.FRAME_S
    assert (known[QRS, times < 0.99] == 0).all()
    assert (known[QRS, (times > 1.01) & (times < 1.39)] == 1).all()
    assert (known[QRS, times > 1.41] == 0).all()


def test_a_missing_t_onset_is_unknown_for_t_alone():
    waves = [(QRS, 1.0, 1.05, 1.1), (T, np.nan, 1.3, 1.4), (QRS, 2.0, 2.05, 2.1)]
    shares, known = wave_targets.targets(marks_of(np.array(waves)), 400)
    between = round(1.2 / wave_targets.FRAME_S)
    assert known[:, between].tolist() == [1, 1, 0]
    assert shares[T, round(1.35 / wave_targets.FRAME_S)] == 1


def test_a_record_without_any_t_says_nothing_about_t():
    waves = [(QRS, 1.0, 1.05, 1.1), (QRS, 2.0, 2.05, 2.1)]
    _, known = wave_targets.targets(marks_of(np.array(waves)), 400)
    assert known[T].max() == 0
    assert known[P].max() == 1


def _frames(n_samples: int, fs_hz: float) -> int:
    resampled = network_input.resample(np.zeros((1, n_samples), np.float32), fs_hz).shape[1]
    return -(-resampled // wave_targets.SAMPLES_PER_FRAME)
