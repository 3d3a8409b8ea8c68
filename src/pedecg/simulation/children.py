"""Who comes to the hospital: ages, diseases, repeated examinations, and what their records say."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.records import Sex
from pedecg.simulation import case_mix, conditions
from pedecg.simulation.conditions import GROUPS
from pedecg.simulation.hospital_settings import SimulationSettings

_BOYS = 8131 / 14190  # published
_SECOND_DEFECT = 0.18  # share of heart defects that come with another one
NEWBORN_TO_DAYS = 31  # the youngest group of the published case mix
_ACUTE = ("myocarditis", "kawasaki")  # these heal from one examination to the next
# Diagnoses of a general children's hospital, of organs other than the heart.
_OTHER_ICD = (
    "J18.9", "J20.9", "J06.9", "J35.3", "J32.0", "A41.9", "B34.0", "D64.9", "E06.0", "E87.8",
    "F32.2", "G40.9", "G47.3", "H65.9", "H60.4", "K35.8", "K40.9", "N04.9", "P07.3", "P22.0",
    "Q18.0", "R09.8", "R55", "S01.8", "Z98.8",
)  # fmt: skip
_HEART_ICD = ("I50.9", "I27.2", "I07.1", "I45.1", "I49.9", "R01.1")


@dataclass(frozen=True)
class Child:
    """One patient as planned before anything is simulated.

    Attributes
    ----------
    number : from 1; the patient is ``P<number>`` with five digits.
    disease : one of `GROUPS`, or "".
    """

    number: int
    age_days: int
    disease: str


@dataclass(frozen=True)
class Visit:
    """One examination: the truth about the heart, and what the record says of it.

    Attributes
    ----------
    severities : condition -> 0 to 1, diseases and findings.
    true, coded : per disease group, whether the heart is ill and whether the record says so.
    icd10 : keys as written in the table.
    """

    ecg_id: str
    patient_id: str
    age_days: int
    sex: Sex
    acquired_at: str
    severities: dict[str, float]
    severity: dict[str, float]
    true: dict[str, bool]
    coded: dict[str, bool]
    icd10: list[str]
    nine_leads: bool
    n_samples: int


def plan(settings: SimulationSettings) -> list[Child]:
    """Choose disease and age of every child.

    Each disease has its exact share of the patients, and its ages are spread evenly over its own
    distribution, so that a small cohort looks like a large one.
    """
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    mix = case_mix.case_mix()
    shares = settings.prevalence.model_dump()
    diseases: list[str] = []
    for group in GROUPS:
        diseases += [group] * round(shares[group] * settings.patients)
    diseases = diseases[: settings.patients]
    diseases += [""] * (settings.patients - len(diseases))
    ages = np.empty(len(diseases), np.int64)
    healthy = mix["records"] - mix[list(GROUPS)].sum(axis=1)
    more = np.where(mix["age_to_days"] <= NEWBORN_TO_DAYS, settings.newborn_factor, 1.0)
    for group in ("", *GROUPS):
        place = [i for i, disease in enumerate(diseases) if disease == group]
        weights = mix[group] if group else healthy
        ages[place] = _ages(len(place), more * weights.to_numpy(np.float64), mix, rng)
    order = rng.permutation(len(diseases))
    return [Child(n + 1, int(ages[i]), diseases[i]) for n, i in enumerate(order)]


def visits(
    child: Child, sex: Sex, settings: SimulationSettings, rng: np.random.Generator
) -> list[Visit]:
    """Draw the examinations of one child and the labels that they carry, right or wrong."""
    own = _own_disease(child, rng)
    recovered = bool(own) and rng.random() < settings.recovered_fraction
    missed = bool(own) and not recovered and rng.random() < settings.missed_fraction
    start = 0.0 if recovered else float(rng.beta(2.2, 1.6))
    start = start if recovered else max(start, 0.15)
    others = list(rng.choice(_OTHER_ICD, rng.integers(1, 4), replace=False))
    others += list(rng.choice(_HEART_ICD, rng.integers(0, 3), replace=False)) if own else []
    second = [c for c in conditions.members("chd") if c.name not in own]
    if child.disease == "chd" and rng.random() < _SECOND_DEFECT:
        own.append(str(rng.choice([c.name for c in second], p=_weights(second))))
    chest_leads_draw = rng.random()

    count = 1
    if rng.random() < settings.repeat_fraction:
        count = min(2 + rng.geometric(0.6) - 1, 19)
    day = np.datetime64("2018-01-01T07:30:00") + np.timedelta64(int(rng.integers(2330 * 1440)), "m")
    passed, result = 0, []
    for number in range(1, count + 1):
        fading = 0.6 ** (number - 1) if child.disease in _ACUTE else 1.0
        severities = {name: start * fading * (1.0 if i == 0 else 0.6) for i, name in enumerate(own)}
        ill = {group: group == child.disease and not recovered for group in GROUPS}
        coded = {group: group == child.disease and not missed for group in GROUPS}
        keys = [conditions.conditions()[name].icd10 for name in own] if not missed else []
        age = min(child.age_days + passed, 5474)
        severities |= draw_findings(age, settings.finding_rate, rng)
        nine = chest_leads_draw < nine_lead_share(age, child.disease, settings)
        result.append(
            Visit(
                ecg_id=f"P{child.number:05d}_E{number:02d}",
                patient_id=f"P{child.number:05d}",
                age_days=age,
                sex=sex,
                acquired_at=str(day + np.timedelta64(passed, "D")).replace("T", " "),
                severities=severities,
                severity={g: start * fading if g == child.disease else 0.0 for g in GROUPS},
                true=ill,
                coded=coded,
                icd10=sorted({*keys, *map(str, others)}),
                nine_leads=nine,
                n_samples=_length(nine, settings.mode_length_fraction, rng),
            )
        )
        passed += int(rng.choice([1, 4, 9, 30, 120, 365]) * rng.uniform(0.7, 1.3)) + 1
    return result


def draw_sex(rng: np.random.Generator) -> Sex:
    """Draw girl or boy in the published proportion."""
    return "male" if rng.random() < _BOYS else "female"


def nine_lead_share(age_days: int, disease: str, settings: SimulationSettings) -> float:
    """Return how likely a 9-lead recording is at an age.

    The published share of the age holds over all children; those with a heart defect are
    recorded with nine leads somewhat more often, as 933 of the 1,856 published ones have a target
    disease.
    """
    mix = case_mix.case_mix()
    row = mix[(mix["age_from_days"] <= age_days) & (age_days < mix["age_to_days"])].iloc[0]
    share, defects = row["nine_lead_share"], row["chd"] / row["records"]
    if share in (0.0, 1.0):
        return float(share)
    extra = 0.5 * share * (1 - share)
    share += extra * (1 - defects) if disease == "chd" else -extra * defects
    odds = settings.nine_lead_odds * share / (1 - share)
    if age_days < NEWBORN_TO_DAYS:
        odds *= settings.newborn_nine_lead_odds
    return float(odds / (1 + odds))


def _ages(
    count: int, weights: NDArray[np.float64], mix: pd.DataFrame, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Spread ages evenly over a histogram, in random order."""
    edges = np.append(mix["age_from_days"], mix["age_to_days"].iloc[-1]).astype(np.float64)
    cumulated = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    quantiles = (np.arange(count) + rng.random(count)) / max(count, 1)
    ages = np.floor(np.interp(quantiles, cumulated, edges)).astype(np.int64)
    return rng.permutation(np.clip(ages, 1, 5474))


def _own_disease(child: Child, rng: np.random.Generator) -> list[str]:
    if not child.disease:
        return []
    members = conditions.members(child.disease)
    return [members[rng.choice(len(members), p=_weights(members))].name]


def _weights(members: list[conditions.Condition]) -> NDArray[np.float64]:
    share = np.array([condition.share for condition in members])
    return np.asarray(share / share.sum())


def draw_findings(age_days: int, rate: float, rng: np.random.Generator) -> dict[str, float]:
    """Draw findings that come without a target disease; at most one of them is a rhythm."""
    found: dict[str, float] = {}
    rhythm = False
    for condition in conditions.members("finding"):
        share = condition.infant_share if age_days < 365 else condition.share
        strength = rng.uniform(0.45, 1.0)
        if rng.random() >= rate * share or (condition.rhythm and rhythm):
            continue
        rhythm = rhythm or bool(condition.rhythm)
        found[condition.name] = strength
    if "sinus_tachycardia" in found:
        for contrary in ("sinus_bradycardia", "sinus_arrhythmia"):
            found.pop(contrary, None)
    return found


def _length(nine_leads: bool, mode_fraction: float, rng: np.random.Generator) -> int:
    """Draw the number of samples: mode 15,000; below 5,000 almost only with nine leads."""
    if rng.random() < mode_fraction:
        return 15_000
    kind = rng.random()
    if kind < 0.03:
        return 500 * int(rng.integers(31, 121))
    if kind < (0.12 if nine_leads else 0.031):
        return 500 * int(rng.integers(5, 10))
    return 500 * int(rng.choice(np.arange(10, 30), p=_SHORTER))


_SHORTER = np.linspace(2.0, 0.4, 20)
_SHORTER[[0, 10]] += [2.0, 4.0]  # 10 s and 20 s are common settings
_SHORTER /= _SHORTER.sum()
