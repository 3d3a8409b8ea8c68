"""An ECG is drawn at its true size, in the standard layout, always with the same bytes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from pedecg.core import figures
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.plots import ecg_paper

FS_HZ = 250.0


def ramp(n_leads: int, seconds: float = 12.0) -> np.ndarray:
    time = np.arange(int(seconds * FS_HZ)) / FS_HZ
    return np.tile(np.sin(2 * np.pi * time), (n_leads, 1))


def names(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_ten_seconds_are_250_mm_and_a_millivolt_is_10_mm():
    figure = ecg_paper.draw(ramp(12), FS_HZ, LEADS, "title")
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
    written = [t for t in names(ecg_paper.draw(ramp(len(leads)), FS_HZ, leads, "t")) if t in LEADS]
    assert len(written) == shown
    assert set(written) == set(leads)


def test_the_same_signal_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        figures.save(
            ecg_paper.draw(ramp(12), FS_HZ, LEADS, "title"), tmp_path / name, "zzu", dpi=60
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def shaded(figure) -> int:
    """Count the shaded waves."""
    return (
        sum(len(c.get_paths()) for c in figure.axes[0].collections if isinstance(c, PolyCollection))
        // 2
    )  # each has a bar too


def waves_at(lead: str, *onsets_s: float) -> pd.DataFrame:
    onset = np.array(onsets_s)
    return pd.DataFrame(
        {"lead": lead, "wave": "QRS", "onset_s": onset, "peak_s": onset + 0.04,
         "offset_s": onset + 0.08}
    )  # fmt: skip


def test_waves_are_shaded_where_their_lead_is_drawn():
    def drawn(waves):
        return shaded(ecg_paper.draw(ramp(12), FS_HZ, LEADS, "t", waves=waves))

    assert drawn(waves_at("I", 1.0, 4.0, 11.0)) == 1  # I is shown up to 2.5 s
    assert drawn(waves_at("V1", 1.0, 6.0)) == 1  # V1 from 5 to 7.5 s
    assert drawn(waves_at("II", 1.0, 6.0)) == 3  # II also as the rhythm strip
    assert drawn(waves_at("global", 1.0)) == 4  # three leads and the strip


def test_a_wave_of_which_only_the_peak_is_known_is_marked_there():
    waves = waves_at("I", 1.0).assign(onset_s=np.nan, offset_s=np.nan)
    assert shaded(ecg_paper.draw(ramp(1), FS_HZ, ("I",), "t", waves=waves)) == 1


@pytest.mark.parametrize(
    ("leads", "seconds", "rows"), [(LEADS, 60, 9), (NINE_LEADS, 31, 7), (("ch1",), 60, 6)]
)
def test_a_longer_record_goes_on_below(leads, seconds, rows):
    figure = ecg_paper.draw(ramp(len(leads), seconds), FS_HZ, leads, "t", stretches=6)
    one = ecg_paper.draw(ramp(1), FS_HZ, ("I",), "t")
    two = ecg_paper.draw(ramp(2), FS_HZ, ("I", "II"), "t")
    row = two.get_size_inches()[1] - one.get_size_inches()[1]
    assert (figure.get_size_inches()[1] - one.get_size_inches()[1]) / row + 1 == pytest.approx(rows)
    assert "10 s" in names(figure)


def test_a_record_shorter_than_the_paper_leaves_the_rest_empty():
    whole, short = (
        ecg_paper.draw(ramp(12, seconds=seconds), FS_HZ, LEADS, "t").axes[0] for seconds in (10, 3)
    )
    assert short.get_xlim() == whole.get_xlim()
    curves = [line.get_xdata() for line in short.lines if len(line.get_xdata()) > 10]
    strip = max(curves, key=len)
    assert np.ptp(strip) == pytest.approx(3 * ecg_paper.MM_PER_S, abs=0.2)
    assert max(curve.max() for curve in curves) == strip.max()


def traces(figure) -> list[float]:
    """Return the height of every trace, millimetres."""
    curves = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_xdata()) > 100]
    return [float(np.ptp(curve)) for curve in curves]


def test_precordial_leads_that_would_cross_are_drawn_at_half_standard_and_it_is_said():
    signal = ramp(12)
    plain = ecg_paper.draw(signal, FS_HZ, LEADS, "t")
    assert not [text for text in names(plain) if "5 mm/mV" in text]
    signal[LEADS.index("V2")] *= 2.5
    figure = ecg_paper.draw(signal, FS_HZ, LEADS, "t")
    assert names(figure).count("5 mm/mV") == 6
    assert any("precordial leads 5 mm/mV" in text for text in names(figure))
    heights = sorted(round(height) for height in traces(figure))
    assert heights == [10] * 5 + [20] * 7 + [25]  # five precordial leads, the limb leads, V2


def test_tall_limb_leads_alone_change_no_scale():
    signal = ramp(12)
    signal[LEADS.index("II")] *= 2.5
    figure = ecg_paper.draw(signal, FS_HZ, LEADS, "t")
    assert not [text for text in names(figure) if "5 mm/mV" in text]


def test_a_lead_that_was_not_used_is_marked_and_no_wave_is_shaded_in_it():
    waves = pd.concat([waves_at("global", 6.0), waves_at("II", 6.0)])
    figure = ecg_paper.draw(
        ramp(12), FS_HZ, LEADS, "t", waves=waves, unusable={"V1": "flat", "V3": "flat"}
    )
    assert names(figure).count("not usable: flat") == 2
    assert shaded(figure) == 2  # V2 and the strip, of V1 to V3 and the strip
