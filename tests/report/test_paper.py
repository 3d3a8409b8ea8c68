"""An ECG is drawn at its true size, in the standard layout, always with the same bytes."""

import numpy as np
import pandas as pd
import pytest

from pedecg import pictures
from pedecg.records import LEADS, NINE_LEADS
from pedecg.report import paper

FS_HZ = 250.0


def ramp(n_leads: int, seconds: float = 12.0) -> np.ndarray:
    time = np.arange(int(seconds * FS_HZ)) / FS_HZ
    return np.tile(np.sin(2 * np.pi * time), (n_leads, 1))


def names(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_ten_seconds_are_250_mm_and_a_millivolt_is_10_mm():
    figure = paper.draw(ramp(12), FS_HZ, LEADS, "title")
    axes = figure.axes[0]
    width_in, height_in = figure.get_size_inches()
    assert width_in * 25.4 == pytest.approx(axes.get_xlim()[1])
    assert height_in * 25.4 == pytest.approx(axes.get_ylim()[1])
    strip = max((line.get_xdata() for line in axes.lines), key=len)
    assert np.ptp(strip) == pytest.approx(250, abs=0.2)
    pulse = axes.lines[0].get_ydata()
    assert np.ptp(pulse) == pytest.approx(10)


@pytest.mark.parametrize(("leads", "shown"), [(LEADS, 13), (NINE_LEADS, 10), (("I", "II"), 2)])
def test_every_lead_is_named_and_ii_is_the_rhythm_strip(leads, shown):
    written = [t for t in names(paper.draw(ramp(len(leads)), FS_HZ, leads, "t")) if t in LEADS]
    assert len(written) == shown
    assert set(written) == set(leads)


def test_the_same_signal_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        pictures.save(paper.draw(ramp(12), FS_HZ, LEADS, "title"), tmp_path / name, "zzu", dpi=60)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_waves_are_marked_inside_the_strip_only():
    waves = pd.DataFrame(
        {
            "wave": ["P", "QRS", "T"],
            "onset_s": [1.0, 1.2, 11.0],
            "peak_s": [1.05, 1.23, 11.1],
            "offset_s": [1.1, 1.3, 11.2],
        }
    )
    plain = paper.draw(ramp(12), FS_HZ, LEADS, "t").axes[0]
    marked = paper.draw(ramp(12), FS_HZ, LEADS, "t", waves=waves).axes[0]
    assert len(marked.patches) - len(plain.patches) == 2


def test_a_record_shorter_than_the_paper_leaves_it_empty():
    assert paper.draw(ramp(12, seconds=3), FS_HZ, LEADS, "short").axes[0].lines
