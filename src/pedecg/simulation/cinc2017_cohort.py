"""Simulated recordings of a hand-held recorder: sinus rhythm, fibrillation, other rhythms, noise.

Beats are those of 14-year-olds, the upper end of the simulator's age range, at adult heart rates.
"""

import functools
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pedecg.core import parallel, tables
from pedecg.core.params import Section
from pedecg.simulation import (
    artefacts,
    beat_shape,
    beat_times,
    cinc2017_layout,
    synthesis,
    torso,
    traits,
)
from pedecg.simulation.children import draw_sex
from pedecg.simulation.hospital_settings import Recorder

LABELS = {"normal": "N", "af": "A", "other": "O", "noisy": "~"}
TABLE = "REFERENCE-v3.csv"
_AGE_DAYS = 5113.0  # 14 years: the oldest of the simulated hearts; CinC 2017 publishes no ages
_FS_HZ = 2 * cinc2017_layout.FS_HZ  # muscle noise reaches 180 Hz; the recorder's low-pass cuts it
_LONGEST_PR_SHARE = 0.42  # of RR

# Rhythms of a class, with the range of the sinus rate in which each is met, beats per minute.
_RHYTHMS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "normal": (("", 50, 110),),
    "af": (("fibrillation", 50, 120),),
    "other": (
        ("apb", 50, 100),
        ("apb", 50, 100),
        ("vpb", 50, 100),
        ("vpb", 50, 100),
        ("", 36, 46),  # bradycardia
        ("", 120, 180),  # tachycardia
        ("wenckebach", 60, 100),
        ("two_to_one", 70, 110),
        ("complete_block", 70, 110),
        ("supraventricular_tachycardia", 60, 95),
        ("ectopic_atrial", 60, 100),
        ("wandering", 50, 90),
        ("junctional", 60, 90),
        ("paced", 60, 90),
    ),
}


class CincSimulationSettings(Section):
    """Simulated recordings in the layout of PhysioNet/CinC 2017."""

    seed: int = Field(description="another seed is another cohort", ge=0)
    recordings: int = Field(description="number of recordings, each of one person", ge=1, le=99_999)
    af: float = Field(description="share with atrial fibrillation", ge=0, le=1)
    other: float = Field(description="share with another rhythm", ge=0, le=1)
    noisy: float = Field(description="share too noisy to interpret", ge=0, le=1)
    mislabelled: float = Field(description="share with the label of another class", ge=0, le=1)
    inverted: float = Field(description="share of recordings with inverted polarity", ge=0, le=1)
    length_s: list[float] = Field(
        min_length=2, max_length=2, description="shortest and longest recording, s"
    )
    mode_length_fraction: float = Field(
        description="share of recordings with the most frequent length, 30 s", ge=0, le=1
    )
    noise: float = Field(
        description="factor on baseline wander and muscle noise in noisy recordings", ge=1
    )
    recorder: Recorder = Field(description="the recorder")

    @model_validator(mode="after")
    def _possible(self) -> "CincSimulationSettings":
        if self.af + self.other + self.noisy > 1:
            raise ValueError("af + other + noisy must be at most 1: the rest is normal")
        low, high = self.length_s
        if not 5 <= low <= high <= 600:
            raise ValueError(f"length_s must ascend from 5 to 600 (found {self.length_s})")
        return self


def write(settings: CincSimulationSettings, raw: Path, apart: Path) -> None:
    """Simulate recordings into `raw` (what the pipeline sees) and `apart` (what it may not see).

    The same settings give the same bytes, however many processes take part.
    """
    for folder in (raw, apart):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    simulate = functools.partial(simulate_recording, settings=settings, raw=raw)
    plan = list(enumerate(_classes(settings), start=1))
    done = list(parallel.records(simulate, plan, "simulate"))
    lines = (f"{fact['record_id']},{LABELS[fact['label']]}\n" for fact, _ in done)
    tables.write_text("".join(lines), raw / TABLE)
    tables.write_csv(pd.DataFrame([fact for fact, _ in done]), apart / "recordings.csv")
    waves = pd.concat([fiducials for _, fiducials in done], ignore_index=True)
    tables.write(waves, apart / "fiducials.parquet", tables.WAVES)


def simulate_recording(
    planned: tuple[int, str], settings: CincSimulationSettings, raw: Path
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Write one recording, (number, class); return its truth and the waves of its heart."""
    number, true = planned
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(1, number)))
    name = f"A{number:05d}"
    beating = true if true in _RHYTHMS else list(_RHYTHMS)[rng.choice(3, p=[0.6, 0.1, 0.3])]
    kind, slowest, fastest = _RHYTHMS[beating][rng.integers(len(_RHYTHMS[beating]))]
    own = _heart(math.exp(rng.uniform(math.log(slowest), math.log(fastest))), rng)
    length_s = _length_s(settings, rng)
    n_samples = round(length_s * _FS_HZ)
    beats = beat_times.RHYTHMS[kind](own, length_s, rng)
    narrow, wide = beat_shape.beat_shape(own, rng), beat_shape.wide_shape(own, rng)
    clean = synthesis.synthesize(narrow, wide, beats, own, n_samples, _FS_HZ, rng)
    flaws = _flaws(settings, noisy=true == "noisy", rng=rng)
    recorded = artefacts.recorded(
        clean.leads_mv, _FS_HZ, flaws, settings.recorder, own["breathing"], rng
    )
    signal = recorded[torso.ROW["I"], ::2]
    inverted = bool(rng.random() < settings.inverted)
    when = f"2014-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    when += f" {rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    cinc2017_layout.write_record(raw, name, -signal if inverted else signal, when)

    label = true
    if rng.random() < settings.mislabelled:
        label = str(rng.choice([one for one in LABELS if one != true]))
    fact = {
        "record_id": name,
        "true": true,
        "label": label,
        "rhythm": kind or "sinus",
        "heart_rate_bpm": 60 / float(beats.rr_s().mean()),
        "inverted": inverted,
    }
    waves = clean.fiducials.assign(record_id=name, lead="global", confidence=np.nan)
    return fact, waves


def _classes(settings: CincSimulationSettings) -> list[str]:
    """Choose the class of each recording: the exact shares, in random order."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    counts = {name: round(getattr(settings, name) * settings.recordings) for name in
              ("af", "other", "noisy")}  # fmt: skip
    classes = [name for name, count in counts.items() for _ in range(count)]
    classes += ["normal"] * (settings.recordings - len(classes))
    return [str(one) for one in rng.permutation(classes)[: settings.recordings]]


def _heart(rate_bpm: float, rng: np.random.Generator) -> dict[str, float]:
    """Draw the traits of a grown heart at a rate."""
    own = traits.draw(_AGE_DAYS, draw_sex(rng), traits.personal(rng), {}, rng)
    pr_ms = min(own["pr_ms"] * (own["rate"] / rate_bpm) ** 0.25,
                _LONGEST_PR_SHARE * 60_000 / rate_bpm)  # fmt: skip
    calm = min(1.0, 80 / rate_bpm) ** 2
    return own | {
        "rate": rate_bpm,
        "rsa": own["rsa"] * calm,
        "pr_ms": pr_ms,
        "p_ms": min(own["p_ms"], 0.85 * pr_ms),
    }


def _length_s(settings: CincSimulationSettings, rng: np.random.Generator) -> float:
    shortest, longest = settings.length_s
    usual = float(np.clip(30.0, shortest, longest))
    if rng.random() < settings.mode_length_fraction:
        return usual
    return round(float(rng.uniform(shortest, longest)), 2)


def _flaws(
    settings: CincSimulationSettings, *, noisy: bool, rng: np.random.Generator
) -> artefacts.Artefacts:
    """Draw the noise of a recording: dry fingers that move."""
    recorder = settings.recorder
    times = settings.noise * rng.uniform(0.6, 1.6) if noisy else 1.0
    return artefacts.Artefacts(
        wander_mv=times * recorder.wander_uv / 1000 * rng.lognormal(0, 0.7),
        muscle_mv=times * recorder.muscle_uv / 1000 * rng.lognormal(0, 0.8),
        mains_mv=recorder.mains_uv / 1000 * rng.lognormal(0, 0.9),
        pops=bool(rng.random() < (0.7 if noisy else 0.05)),
        saturated=False,
        lead_off=False,
    )
