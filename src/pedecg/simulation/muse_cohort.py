"""Simulated patients after cardiotoxic therapy: GE MUSE files, a manifest, and apart the truth.

CTRCD (cancer therapy-related cardiac dysfunction) moves the heart as the condition ``ctrcd`` of
``conditions.csv``, by its severity: faster, lower voltage, longer QTc, flatter T. Hearts beyond 14
years are those of 14-year-olds: the simulator's curves end there.
"""

import functools
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pedecg.core import parallel, tables
from pedecg.core.params import Section
from pedecg.core.records import LEADS, Sex
from pedecg.simulation import (
    artefacts,
    beat_shape,
    children,
    muse_layout,
    torso,
    traits,
    zzu_cohort,
    zzu_layout,
)
from pedecg.simulation.hospital_settings import Recorder

CTRCD = "ctrcd"
COLUMNS = ("patient_id", "path_xml", "label", "anthracycline_mg_m2")
_FOLDER = "muse"
_MEDIAN_S = (0.4, 0.8)  # before and after R; MUSE's median beat has 1.2 s
_DOSE = (230.0, 320.0)  # mg/m2, mean without and with CTRCD; one dose does not decide
_DOSE_SD = 90.0  # mg/m2


class XmlSimulationSettings(Section):
    """One simulated hospital that stores GE MUSE XML."""

    seed: int = Field(ge=0, description="another seed is another cohort")
    patients: int = Field(ge=1, le=99_999, description="number of patients")
    positive_fraction: float = Field(
        ge=0,
        le=1,
        description="share of patients with CTRCD; about 0.09 after anthracyclines (Cardinale "
        "2015)",
    )
    repeat_fraction: float = Field(ge=0, le=1, description="share of patients with two ECGs")
    min_age_years: float = Field(ge=0, le=100, description="youngest patient, years")
    max_age_years: float = Field(
        ge=0,
        le=100,
        description="oldest patient, years; the ECG of patients over 14 is that of a 14-year-old",
    )
    severity: list[float] = Field(
        min_length=2,
        max_length=2,
        description="severity of CTRCD where it is present, smallest and largest, 0 to 1",
    )
    subclinical_fraction: float = Field(
        ge=0, le=1, description="share of the other patients with subclinical changes"
    )
    finding_rate: float = Field(
        ge=0, le=3, description="multiplies the frequency of findings other than CTRCD"
    )
    length_s: float = Field(ge=2, le=120, description="length of a record, s")
    pop_fraction: float = Field(ge=0, le=1, description="share of records with an electrode pop")
    saturated_fraction: float = Field(ge=0, le=1, description="fraction of saturated records")
    lead_off_fraction: float = Field(
        ge=0, le=1, description="share of records in which an electrode comes off"
    )
    recorder: Recorder = Field(description="the ECG machine")

    @model_validator(mode="after")
    def _in_order(self) -> "XmlSimulationSettings":
        low, high = self.severity
        if not 0 <= low <= high <= 1:
            raise ValueError(f"severity must ascend from 0 to 1 (found {self.severity})")
        if self.min_age_years > self.max_age_years:
            raise ValueError(
                "needs min_age_years <= max_age_years "
                f"(found {self.min_age_years:g} and {self.max_age_years:g})"
            )
        return self


def write(settings: XmlSimulationSettings, raw: Path, apart: Path) -> None:
    """Simulate a cohort into `raw` (what the pipeline sees) and `apart` (what it may not see).

    The same settings give the same bytes, however many processes take part.
    """
    for folder in (raw, apart):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (raw / _FOLDER).mkdir()
    simulate = functools.partial(simulate_patient, settings=settings, raw=raw)
    rows: list[dict[str, Any]] = []
    facts: list[dict[str, Any]] = []
    plan = list(enumerate(_positives(settings), start=1))
    for patient in parallel.records(simulate, plan, "simulate"):
        for row, fact in patient:
            rows.append(row)
            facts.append(fact)
    tables.write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), raw / "manifest.csv")
    tables.write(pd.DataFrame(facts), apart / "records.parquet", tables.TRUTH)


def simulate_patient(
    planned: tuple[int, bool], settings: XmlSimulationSettings, raw: Path
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Write the files of one patient, (number, has CTRCD); return manifest rows and truths."""
    number, ill = planned
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(1, number)))
    sex: Sex = "female" if rng.random() < 0.5 else "male"
    place, heart = traits.personal(rng), int(rng.integers(2**32))
    age = round(365.25 * rng.uniform(settings.min_age_years, settings.max_age_years))
    least, most = settings.severity
    severity = rng.uniform(least, most) if ill else 0.0
    if not ill and rng.random() < settings.subclinical_fraction:
        severity = rng.uniform(0, least)
    dose = max(0.0, rng.normal(_DOSE[int(ill)], _DOSE_SD))
    day = date(2016, 1, 4) + timedelta(days=int(rng.integers(2500)))
    patient = f"C{number:05d}"
    results = []
    for visit_number in range(1, 2 + int(rng.random() < settings.repeat_fraction)):
        findings = children.draw_findings(age, settings.finding_rate, rng)
        visit = children.Visit(
            ecg_id=f"{patient}_E{visit_number:02d}",
            patient_id=patient,
            age_days=age,
            sex=sex,
            acquired_at=f"{day.isoformat()} {rng.integers(7, 19):02d}:{rng.integers(60):02d}:00",
            severities=findings | {CTRCD: severity},
            severity={CTRCD: severity},
            true={CTRCD: ill},
            coded={CTRCD: ill},
            icd10=[],
            nine_leads=False,
            n_samples=round(settings.length_s * zzu_layout.FS_HZ),
        )
        document, truth = _examination(visit, place, heart, settings, rng)
        path = f"{_FOLDER}/{visit.ecg_id}.xml"
        (raw / path).write_bytes(document)
        row = dict(zip(COLUMNS, (patient, path, int(ill), round(dose)), strict=True))
        results.append((row, truth))
        passed = int(rng.integers(60, 400))
        age, day = age + passed, day + timedelta(days=passed)
    return results


def _positives(settings: XmlSimulationSettings) -> list[bool]:
    """Choose the patients with CTRCD: the exact fraction, in random order."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    ill = np.zeros(settings.patients, bool)
    ill[: round(settings.positive_fraction * settings.patients)] = True
    return [bool(one) for one in rng.permutation(ill)]


def _examination(
    visit: children.Visit,
    place: dict[str, float],
    heart: int,
    settings: XmlSimulationSettings,
    rng: np.random.Generator,
) -> tuple[bytes, dict[str, Any]]:
    clean, measured, own, kind = zzu_cohort.examine(visit, place, heart, rng)
    flaws = artefacts.draw(settings, rng)
    fs = zzu_layout.FS_HZ
    signal = artefacts.recorded(clean.leads_mv, fs, flaws, settings.recorder, own["breathing"], rng)
    beat = beat_shape.beat_shape(own, np.random.default_rng(heart))
    with_p = bool((clean.fiducials["wave"] == "P").any())
    figures = measured | {
        "p_axis_deg": torso.axis_deg(beat.p.dipole_mv.sum(axis=0)) if with_p else np.nan,
        "t_axis_deg": torso.axis_deg(beat.t.dipole_mv[1]),
        "pr_ms": measured["pr_ms"] if with_p else np.nan,
    }
    moment = datetime.fromisoformat(visit.acquired_at)
    header = muse_layout.Header(
        patient_id=visit.patient_id,
        first_name=f"PATIENT {visit.patient_id}",
        birth=f"{moment.date() - timedelta(days=visit.age_days):%m-%d-%Y}",
        age=str(int(visit.age_days / 365.25)),
        gender=visit.sex.upper(),
        date=f"{moment:%m-%d-%Y}",
        time=f"{moment:%H:%M:%S}",
        measurements=figures,
    )
    stored = {lead: signal[LEADS.index(lead)] for lead in muse_layout.STORED}
    onset = clean.fiducials.loc[clean.fiducials["wave"] == "QRS", "peak_s"].to_numpy()
    document = muse_layout.document(stored, fs, header, _median(stored, onset, fs))
    truth = {
        "record_id": f"{_FOLDER}_{visit.ecg_id}",
        "patient_id": visit.patient_id,
        f"true_{CTRCD}": int(visit.true[CTRCD]),
        f"wrong_{CTRCD}": False,
        f"severity_{CTRCD}": visit.severity[CTRCD],
        "conditions": ";".join(f"{name}:{size:.2f}" for name, size in visit.severities.items()),
        "rhythm": kind or "sinus",
        **measured,
    }
    return document, truth


def _median(
    leads_mv: dict[str, NDArray[np.float64]], peaks_s: NDArray[np.float64], fs_hz: int
) -> dict[str, NDArray[np.float64]]:
    """Return the median beat of each lead; {} where no beat lies wholly inside."""
    before, after = (round(part * fs_hz) for part in _MEDIAN_S)
    n = len(next(iter(leads_mv.values())))
    peaks = np.rint(peaks_s * fs_hz).astype(int)
    whole = peaks[(peaks >= before) & (peaks + after <= n)]
    if not len(whole):
        return {}
    index = whole[:, None] + np.arange(-before, after)
    return {lead: np.median(signal[index], axis=0) for lead, signal in leads_mv.items()}
