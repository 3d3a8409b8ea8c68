"""Children at chosen heart rates, with every wave known: for training and testing delineators.

A cohort holds few hearts above 200 bpm; here any rate from 40 to 300 is as common as another.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import parallel
from pedecg.core.params import Section
from pedecg.core.records import LEADS
from pedecg.simulation import artefacts, beat_shape, beat_times, synthesis, traits
from pedecg.simulation.children import draw_sex
from pedecg.simulation.conditions import Condition, conditions, members
from pedecg.simulation.hospital_settings import Recorder
from pedecg.waves.annotations import Labelled, marks_from_table

FS_HZ = 500.0  # as LUDB
_NARROW_FROM_BPM = 170.0  # above it the room between two beats is too short for a wide QRS
_PR_SHARE = 0.42  # of RR, at most
_GROUPS = ("finding", "chd", "cardiomyopathy")
_FAST_RHYTHMS = ("", "apb", "ectopic_atrial", "fibrillation", "supraventricular_tachycardia")


class Settings(Section):
    """Which children are simulated for the delineator."""

    seed: int = Field(description="another seed is another cohort", ge=0)
    records: int = Field(description="number of 12-lead records", ge=1, le=100_000)
    length_s: float = Field(description="length of a record, s", ge=4, le=120)
    slowest_bpm: float = Field(
        description="lowest rate, beats per minute; rates are uniform on a logarithmic scale",
        ge=40,
        le=300,
    )
    fastest_bpm: float = Field(
        description="highest rate, beats per minute; a newborn in re-entry tachycardia reaches 300",
        ge=40,
        le=300,
    )
    findings: float = Field(
        description="share with a finding or disease of the simulator, or a rhythm disorder",
        ge=0,
        le=1,
    )
    rhythms: float = Field(
        description=(
            "share of these with a rhythm disorder: without P waves, with early or "
            "blocked beats, paced"
        ),
        ge=0,
        le=1,
    )
    pop_fraction: float = Field(description="share with a jumping electrode", ge=0, le=1)
    recorder: Recorder = Field(description="the ECG machine")


@dataclass(frozen=True)
class SimulatedRecord:
    """One simulated record: leads in the order of `records.LEADS`, mV, at 500 Hz."""

    record_id: str
    rate_bpm: float
    rhythm: str
    signal_mv: NDArray[np.float32]
    fiducials: pd.DataFrame


def labelled(settings: Settings) -> Iterator[Labelled]:
    """Yield the children with their true waves, the same marks for every lead."""
    one = functools.partial(simulate, settings=settings)
    for child in parallel.records(one, range(settings.records), "simulate"):
        marks = (marks_from_table(child.fiducials),) * len(LEADS)
        name = f"simulated/{child.record_id}"
        yield Labelled(name, "simulated", child.signal_mv, FS_HZ, LEADS, marks)


def simulate(number: int, settings: Settings) -> SimulatedRecord:
    """Simulate the child of this number; the same number and settings give the same record."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(number,)))
    slowest, fastest = math.log(settings.slowest_bpm), math.log(settings.fastest_bpm)
    rate = math.exp(rng.uniform(slowest, fastest))
    age_days = math.exp(rng.uniform(math.log(2), math.log(5474 if rate < 200 else 2500)))
    severities = _severities(rate, settings, rng)
    kind = next(filter(None, (conditions()[name].rhythm for name in severities)), "")
    sex = draw_sex(rng)
    own = traits.draw(age_days, sex, traits.personal(rng), severities, rng)
    own |= _at(rate, own)
    n_samples = round(settings.length_s * FS_HZ)
    clean = synthesis.synthesize(
        beat_shape.beat_shape(own, rng),
        beat_shape.wide_shape(own, rng),
        beat_times.RHYTHMS[kind](own, settings.length_s, rng),
        own, n_samples, FS_HZ, rng,
    )  # fmt: skip
    recorder = settings.recorder
    flaws = artefacts.Artefacts(
        wander_mv=recorder.wander_uv / 1000 * rng.lognormal(0, 0.7),
        muscle_mv=recorder.muscle_uv / 1000 * rng.lognormal(0, 0.8),
        mains_mv=recorder.mains_uv / 1000 * rng.lognormal(0, 0.9),
        pops=bool(rng.random() < settings.pop_fraction),
        saturated=False,
        lead_off=False,
    )
    written = artefacts.recorded(clean.leads_mv, FS_HZ, flaws, recorder, own["breathing"], rng)
    return SimulatedRecord(
        f"c{number:05d}", rate, kind, written.astype(np.float32), clean.fiducials
    )


def _severities(rate: float, settings: Settings, rng: np.random.Generator) -> dict[str, float]:
    """Draw up to two conditions, each as likely as another; fast hearts keep a narrow QRS."""
    if rng.random() >= settings.findings:
        return {}
    pool = [c for group in _GROUPS for c in members(group) if _fits(c, rate)]
    rhythms = [c for c in pool if c.rhythm]
    shapes = [c for c in pool if not c.rhythm]
    chosen = [shapes[rng.integers(len(shapes))]]
    if rng.random() < settings.rhythms:
        chosen.insert(0, rhythms[rng.integers(len(rhythms))])
    return {c.name: float(rng.uniform(0.3, 1.0)) for c in chosen}


def _fits(condition: Condition, rate: float) -> bool:
    return rate <= _NARROW_FROM_BPM or (
        condition.effects.get("qrs_add_ms", 0) <= 0 and condition.rhythm in _FAST_RHYTHMS
    )


def _at(rate: float, own: dict[str, float]) -> dict[str, float]:
    """Return the traits that the rate rules: a fast heart conducts fast and hardly breathes."""
    pr_ms = min(own["pr_ms"] * (own["rate"] / rate) ** 0.25, _PR_SHARE * 60_000 / rate)
    calm = min(1.0, 120 / rate)
    return {
        "rate": rate,
        "rsa": own["rsa"] * calm**2,
        "pr_ms": pr_ms,
        "p_ms": min(own["p_ms"], 0.85 * pr_ms),
        "qrs_ms": min(own["qrs_ms"], 0.36 * 60_000 / rate),
    }
