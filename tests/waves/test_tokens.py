"""Tokens: the run-length format of openecg 0.1.0, and the way from waves to tokens."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.waves import tokens

EVENTS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5000)), max_size=40)


def row(wave: str, onset: float, peak: float, offset: float) -> dict[str, object]:
    return {"wave": wave, "onset_s": onset, "peak_s": peak, "offset_s": offset}


@given(EVENTS)
def test_tokens_agree_with_the_released_package(events):
    codec = pytest.importorskip("openecg.codec", exc_type=ImportError)
    assert tokens.render_compact(events) == codec.render_compact(events)
    assert tokens.render_timed(events) == codec.render_timed(events)
    assert tokens.render_json(events) == codec.render_json(events)
    frames = codec.to_frames(events)
    assert tokens.from_frames(frames) == codec.from_frames(frames)


def test_rendering_says_each_event_once_or_for_as_long_as_it_lasts():
    events = [(tokens.P, 80), (tokens.ISO, 8), (tokens.R, 40)]
    assert tokens.render_compact(events) == "p_r"
    assert tokens.render_timed(events) == "pppp_rr"
    assert tokens.render_json(events)[0] == {"sym": "P", "ms": 80}


@pytest.fixture
def beat():
    """One second at 500 Hz with a QRS of Q, R and S between 400 and 480 ms."""
    time = np.arange(500) / 500
    signal = sum(
        height * np.exp(-0.5 * ((time - at) / 0.006) ** 2)
        for at, height in ((0.415, -0.2), (0.44, 1.2), (0.462, -0.4))
    )
    waves = pd.DataFrame(
        [row("P", 0.25, 0.3, 0.34), row("QRS", 0.4, 0.44, 0.48), row("T", 0.6, 0.7, 0.8)]
    )
    return signal, waves


def test_a_beat_reads_p_q_r_s_t_and_lasts_as_long_as_the_record(beat):
    signal, waves = beat
    events = tokens.label(waves, signal, 500)
    assert tokens.render_compact(events) == "_p_qrs_t_"
    assert sum(length for _, length in events) == 1000


def test_a_wide_qrs_without_q_and_s_is_one_wide_complex():
    time = np.arange(500) / 500
    signal = np.exp(-0.5 * ((time - 0.5) / 0.03) ** 2)
    waves = pd.DataFrame([row("QRS", 0.4, 0.5, 0.6)])
    assert tokens.render_compact(tokens.label(waves, signal, 500)) == "_w_"
    assert tokens.render_compact(tokens.label(waves, signal, 500, wide_ms=220)) == "_r_"


def test_a_spike_overrides_every_wave(beat):
    signal, waves = beat
    events = tokens.label(waves, signal, 500, spikes_s=[0.398])
    assert tokens.render_compact(events) == "_p_*qrs_t_"


def test_without_a_qrs_nothing_is_known():
    assert tokens.label(
        pd.DataFrame(columns=["wave", "onset_s", "offset_s"]), np.zeros(500), 500
    ) == [(tokens.UNKNOWN, 1000)]
