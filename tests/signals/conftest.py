"""Preprocessing's usual settings, with what a test changes."""

from collections.abc import Callable
from typing import Any

import pytest

from pedecg.core.records import LEADS
from pedecg.signals.preprocess import PreprocessSettings


@pytest.fixture(scope="session")
def preprocess_settings() -> Callable[..., PreprocessSettings]:
    def make(**changed: Any) -> PreprocessSettings:
        usual = {
            "fs_hz": 250.0,
            "low_hz": 0.5,
            "high_hz": 100.0,
            "order": 3,
            "spike_mv": 15.0,
            "spike_margin_s": 0.02,
            "leads": list(LEADS),
            "length_s": None,
        }
        return PreprocessSettings(**{**usual, **changed})

    return make
