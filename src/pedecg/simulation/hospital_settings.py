"""Parameters of a simulated hospital."""

from pydantic import Field, field_validator

from pedecg.core.params import Section
from pedecg.core.records import FURTHER_LEADS, in_order


class Prevalence(Section):
    """Share of the patients that have the disease, each 0 to 0.5."""

    chd: float = Field(description="congenital heart disease, share of patients", ge=0, le=0.5)
    myocarditis: float = Field(description="myocarditis, share of patients", ge=0, le=0.5)
    kawasaki: float = Field(description="Kawasaki disease, share of patients", ge=0, le=0.5)
    cardiomyopathy: float = Field(description="cardiomyopathy, share of patients", ge=0, le=0.5)


class Recorder(Section):
    """The ECG machine: what it passes, what it adds and where it clips."""

    low_cut_hz: float = Field(description="high-pass corner, Hz", ge=0.01, le=1)
    high_cut_hz: float = Field(description="low-pass corner, Hz", ge=20, le=240)
    step_uv: float = Field(description="smallest step of the converter, µV", gt=0, le=20)
    saturation_mv: float = Field(description="largest recorded voltage, mV", ge=5, le=100)
    mains_hz: float = Field(description="frequency of the mains, Hz", ge=50, le=60)
    mains_uv: float = Field(description="median mains hum after the notch, µV", ge=0, le=200)
    wander_uv: float = Field(description="median baseline wander before the filter, µV", ge=0)
    muscle_uv: float = Field(description="median muscle noise, µV", ge=0, le=200)


class SimulationSettings(Section):
    """One simulated hospital; the sections ``simulate`` and ``simulate_external``."""

    seed: int = Field(description="another seed is another cohort", ge=0)
    patients: int = Field(
        description="number of children; with repeat_fraction 0.145 about 1.2 examinations each",
        ge=1,
        le=99_999,
    )
    prevalence: Prevalence = Field(description="diseases")
    finding_rate: float = Field(
        description=(
            "multiplies the frequency of findings without a target disease; 1 leaves "
            "about a fifth of the ECGs normal, as published"
        ),
        ge=0,
        le=3,
    )
    repeat_fraction: float = Field(
        description="share of patients with more than one examination", ge=0, le=1
    )
    recovered_fraction: float = Field(
        description="share of diagnosed children with a normal ECG, the most frequent kind of "
        "label error",
        ge=0,
        le=1,
    )
    missed_fraction: float = Field(
        description="share of affected children without a recorded diagnosis", ge=0, le=1
    )
    misread_fraction: float = Field(
        description="share of records whose findings are misread: normal as abnormal, or the "
        "reverse",
        ge=0,
        le=1,
    )
    nine_lead_odds: float = Field(
        description="odds of a 9-lead recording relative to the published share for the age", ge=0
    )
    newborn_factor: float = Field(
        description="multiplies the published share of children in their first month, 2%",
        gt=0,
        le=20,
    )
    newborn_nine_lead_odds: float = Field(
        description="multiplies nine_lead_odds in the first month, where nearly all were recorded "
        "with nine leads, without V6",
        ge=0,
    )
    mode_length_fraction: float = Field(
        description="share of records with the most frequent length, 30 s", ge=0, le=1
    )
    saturated_fraction: float = Field(description="fraction of saturated records", ge=0, le=1)
    pop_fraction: float = Field(description="share of records with an electrode pop", ge=0, le=1)
    lead_off_fraction: float = Field(
        description="share of records in which an electrode comes off", ge=0, le=1
    )
    further_leads: list[str] = Field(
        description="electrodes recorded besides the twelve leads, in the order V3R, V4R, V7, …; "
        "9-lead recordings have none; preprocess.leads says which leads are used",
    )
    recorder: Recorder = Field(description="the ECG machine")

    @field_validator("further_leads")
    @classmethod
    def _known(cls, leads: list[str]) -> list[str]:
        if leads != [lead for lead in in_order(leads) if lead in FURTHER_LEADS]:
            known = " ".join(FURTHER_LEADS)
            raise ValueError(f"must be some of {known}, in this order (found {leads})")
        return leads
