"""A simulated hospital from its parameters to its files, one independent seed per child."""

import functools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import parallel, tables
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.simulation import (
    artefacts,
    beat_shape,
    beat_times,
    children,
    findings,
    hidden_truth,
    sqi,
    synthesis,
    torso,
    traits,
    zzu_layout,
)
from pedecg.simulation.conditions import conditions
from pedecg.simulation.hospital_settings import SimulationSettings


def write(settings: SimulationSettings, raw: Path, apart: Path) -> None:
    """Simulate a cohort into `raw` (what the pipeline sees) and `apart` (what it may not see).

    The same settings give the same bytes, however many processes take part.
    """
    for folder in (raw, apart):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    simulate = functools.partial(simulate_child, settings=settings, raw=raw)
    rows: list[dict[str, str]] = []
    facts: list[dict[str, Any]] = []
    waves: list[pd.DataFrame] = []
    for child in parallel.records(simulate, children.plan(settings), "simulate"):
        for row, fact, fiducials in child:
            rows.append(row)
            facts.append(fact)
            waves.append(fiducials)
    zzu_layout.write_tables(raw, rows)
    tables.write(pd.DataFrame(facts), apart / "records.parquet", tables.TRUTH)
    tables.write(pd.concat(waves, ignore_index=True), apart / "fiducials.parquet", tables.WAVES)


def simulate_child(
    child: children.Child, settings: SimulationSettings, raw: Path
) -> list[tuple[dict[str, str], dict[str, Any], pd.DataFrame]]:
    """Write the records of one child; return its attribute rows, truths and fiducials."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(1, child.number)))
    sex = children.draw_sex(rng)
    place = traits.personal(rng)
    heart = int(rng.integers(2**32))
    return [
        _examination(visit, place, heart, settings, raw, rng)
        for visit in children.visits(child, sex, settings, rng)
    ]


def examine(
    visit: children.Visit, place: dict[str, float], heart: int, rng: np.random.Generator
) -> tuple[synthesis.CleanEcg, dict[str, float], dict[str, float], str]:
    """Simulate the noise-free ECG of a visit.

    Returns the ECG, its true measurements, the child's traits of the day and the rhythm.

    Parameters
    ----------
    place : where the child stands among its peers, from `traits.personal`.
    heart : seed of what makes this child's loop its own, the same at every visit.
    """
    own = traits.draw(visit.age_days, visit.sex, place, visit.severities, rng)
    names = [conditions()[name].rhythm for name in visit.severities]
    kind = next(filter(None, names), "")
    loop = np.random.default_rng(heart)
    narrow, wide = beat_shape.beat_shape(own, loop), beat_shape.wide_shape(own, loop)
    fs = zzu_layout.FS_HZ
    beats = beat_times.RHYTHMS[kind](own, visit.n_samples / fs, rng)
    clean = synthesis.synthesize(narrow, wide, beats, own, visit.n_samples, fs, rng)
    measured = hidden_truth.measured(own, narrow, wide, beats, clean, visit.n_samples / fs)
    return clean, measured, own, kind


def _examination(
    visit: children.Visit,
    place: dict[str, float],
    heart: int,
    settings: SimulationSettings,
    raw: Path,
    rng: np.random.Generator,
) -> tuple[dict[str, str], dict[str, Any], pd.DataFrame]:
    clean, measured, own, kind = examine(visit, place, heart, rng)
    flaws = artefacts.draw(settings, rng)
    fs = zzu_layout.FS_HZ
    full = (*LEADS, *settings.further_leads)
    signal = artefacts.recorded(
        torso.to_leads(clean.dipole_mv, full), fs, flaws, settings.recorder, own["breathing"], rng,
        full,
    )  # fmt: skip
    leads = NINE_LEADS if visit.nine_leads else full
    signal = signal[[full.index(lead) for lead in leads]]

    seen = findings.Seen(visit.age_days, visit.sex, measured, visit.severities, kind)
    right = findings.read(seen, rng)
    written = right
    if rng.random() < settings.misread_fraction:
        written = (
            [("T-wave abnormality", "")] if findings.is_normal(right) else [findings.normal(rng)]
        )
    sex = visit.sex.capitalize()
    comments = (
        f"{sex} {visit.age_days}",
        ";".join(zzu_layout.disease_categories(visit.icd10)) or "Otherwise diseases",
        ";".join("+".join(filter(None, finding)) for finding in written),
    )
    stored = zzu_layout.write_record(raw, visit.ecg_id, signal, leads, comments)
    return (
        _attributes(visit, stored, leads, written, flaws, clean, rng),
        hidden_truth.row(visit, measured, kind, flaws, right, written),
        hidden_truth.fiducials(visit, clean),
    )


def _attributes(
    visit: children.Visit,
    stored_mv: NDArray[np.float64],
    leads: tuple[str, ...],
    written: list[tuple[str, str]],
    flaws: artefacts.Artefacts,
    clean: synthesis.CleanEcg,
    rng: np.random.Generator,
) -> dict[str, str]:
    """Return a row of ``AttributesDictionary.csv``."""
    aha, chn = findings.tokens(written)
    power, base = sqi.spectral(stored_mv, zzu_layout.FS_HZ)
    beats = int((clean.fiducials["wave"] == "QRS").sum())
    both = sqi.agreement(beats, flaws.muscle_mv + flaws.mains_mv, len(leads), rng)
    cells = [
        zzu_layout.quality_cell(
            {lead: x for lead, x in zip(leads, index, strict=True) if np.isfinite(x)}, LEADS
        )
        for index in (power, base, both)
    ]
    values = (
        zzu_layout.record_path(visit.ecg_id), visit.ecg_id, visit.patient_id,
        f"{visit.age_days}d", f"'{visit.sex.capitalize()}'", visit.acquired_at,
        str(visit.n_samples), str(len(leads)), zzu_layout.quoted(aha), zzu_layout.quoted(chn),
        zzu_layout.quoted(visit.icd10), *cells,
    )  # fmt: skip
    return dict(zip(zzu_layout.COLUMNS, values, strict=True))
