"""Diseases change the signal in ways that no rule measures: a network can find something."""

from dataclasses import dataclass

import numpy as np
import pytest

from pedecg.rules import measurement_error
from pedecg.simulation import beat_shape, beat_times, conditions, synthesis, traits, true_measures

EFFECTS = ("t_symmetry", "t_hump", "alternans", "fragmented", "p_notch")
FS_HZ, SECONDS = 500, 10
LEAST_MV = 0.02  # four times the median muscle noise of the default recorder


@dataclass(frozen=True)
class Examination:
    leads_mv: np.ndarray
    measures: dict[str, float]


def largest(effect: str) -> float:
    """Return the size of an effect in the disease that has most of it, at full severity."""
    every = conditions.conditions().values()
    return max(condition.effects.get(f"{effect}_add", 0.0) for condition in every)


def examined(age_days: float, effect: str | None, seed: int) -> Examination:
    """Return the same child's heart with one effect or none."""
    rng = np.random.default_rng(seed)
    own = traits.draw(age_days, "male", traits.personal(rng), {}, rng)
    if effect:
        own[effect] = largest(effect)
    narrow = beat_shape.beat_shape(own, np.random.default_rng(seed))
    wide = beat_shape.wide_shape(own, np.random.default_rng(seed))
    beats = beat_times.RHYTHMS[""](own, SECONDS, np.random.default_rng(seed))
    clean = synthesis.synthesize(
        narrow, wide, beats, own, SECONDS * FS_HZ, FS_HZ, np.random.default_rng(seed)
    )
    measures = true_measures.readings(narrow, wide, beats, clean.qt_ms, SECONDS)
    return Examination(clean.leads_mv, measures)


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_is_seen_in_the_signal_and_not_in_the_measures(effect):
    tolerances = measurement_error.tolerances()
    changes: dict[str, list[float]] = {name: [] for name in tolerances}
    seen = []
    for seed in range(8):
        plain, changed = (examined(2000 + 300 * seed, name, seed) for name in (None, effect))
        seen.append(np.abs(changed.leads_mv - plain.leads_mv).max())
        for name in tolerances:
            difference = changed.measures[name] - plain.measures[name]
            if name.endswith("_axis_deg"):
                difference = (difference + 180) % 360 - 180
            changes[name].append(difference)
    assert min(seen) > LEAST_MV
    moved = {
        name: (float(np.mean(change)), float(np.std(change)))
        for name, change in changes.items()
        if abs(np.mean(change)) > tolerances[name].bias or np.std(change) > tolerances[name].sd
    }
    assert not moved


def test_a_healthy_heart_has_none_of_them():
    rng = np.random.default_rng(0)
    own = traits.draw(3000, "female", traits.personal(rng), {"sinus_tachycardia": 0.8}, rng)
    assert [own[name] for name in EFFECTS] == [0.0] * len(EFFECTS)


@pytest.mark.parametrize("group", conditions.GROUPS)
def test_every_disease_has_at_least_one(group):
    for condition in conditions.members(group):
        assert any(f"{name}_add" in condition.effects for name in EFFECTS), condition.name
