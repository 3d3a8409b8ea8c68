"""A page says the answer, the rules and what the network saw, over the ECG at its true size."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core.records import LEADS
from pedecg.explain import explanation_pages
from pedecg.explain.explained_records import RecordContext, RecordTarget
from pedecg.plots import explanation_page

FS_HZ = 100.0


def page(present: np.ndarray) -> tuple[explanation_pages.Page, object]:
    subject = RecordTarget("R1_E1", "R1", "chd", 1.0, 0.81, 0.5)
    waves = pd.DataFrame(
        {"wave": ["QRS"], "onset_s": [0.3], "peak_s": [0.35], "offset_s": [0.4]}
    )  # fmt: skip
    rules = (("Wide QRS for age", "QRS duration 130 ms, above the 98th percentile 98 ms"),)
    record = RecordContext(
        "R1_E1", 0, 400.0, "female", pd.DataFrame(), waves, rules, ("V1 partly-saturated",)
    )
    one = explanation_pages.Page(subject, record, Path("unused.png"), "False negative. ")
    signal = np.random.default_rng(0).normal(0, 0.1, (12, 1000))
    seen = np.zeros((12, 1000))
    seen[0, 30:40] = 1.0
    contents = explanation_pages.contents(one, signal, seen, FS_HZ, LEADS, present)
    return one, explanation_page.draw(contents)


@pytest.mark.parametrize("leads", [12, 1])
def test_the_page_says_what_it_must(leads):
    _, figure = page(np.arange(12) < leads)
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    for reported in ("chd positive", "0.81", "threshold 0.50", "Wide QRS for age",
                 "V1 partly-saturated",
                 "chd present", "13 months"):  # fmt: skip
        assert reported in words
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(270)
    paper_width = figure.axes[0].get_position().width * figure.get_size_inches()[0] * 25.4
    assert paper_width == pytest.approx(figure.axes[0].get_xlim()[1])


def test_colour_is_one_scale_for_all_leads():
    seen = np.zeros((2, 100))
    seen[0, 20:60], seen[1, 20:60] = 4.0, 1.0
    heat = explanation_pages.colour(seen, FS_HZ)
    assert heat.max() == 1
    assert heat[1, 40] == pytest.approx(heat[0, 40] / 4)
    assert not explanation_pages.colour(0 * seen, FS_HZ).any()
