"""Parameters of a cohort: which data set, where it lies, and how its rows are read."""

import os
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pedecg.cohorts import code_vocabularies, public_description, zzu_targets
from pedecg.core import names, params
from pedecg.core.params import Section


class ZzuSettings(Section):
    """What counts as abnormal among the findings of ZZU-pECG (and of the simulated cohort)."""

    normal_verdicts: list[str] = Field(
        description=(
            "findings that classify the whole ECG as normal and outweigh single findings "
            "(AHA codes; A1 normal, A2 otherwise normal)"
        )
    )
    benign_findings: list[str] = Field(
        description="findings that alone do not make an ECG abnormal (AHA codes, or the words "
        "of a finding without one)"
    )
    rate_findings: list[str] = Field(
        description="findings of heart rate, which are ignored for abnormal_beyond_rate"
    )
    unlisted_diagnoses: Literal["unknown", "negative", "positive"] = Field(
        description="label of a target where a diagnosis is in its ICD-10 chapter but is not one "
        "of the study's codes, e.g. coarctation (Q25.1) for chd"
    )
    targets: list[str] = Field(
        description="what the models predict: abnormal, abnormal_beyond_rate, chd, myocarditis, "
        "cardiomyopathy, kawasaki, and single heart defects: ventricular_septal_defect, "
        "atrial_septal_defect and the others of codes/heart_defects.csv",
        min_length=1,
    )

    @model_validator(mode="after")
    def _known(self) -> "ZzuSettings":
        for key in (*self.normal_verdicts, *self.benign_findings, *self.rate_findings):
            if key not in code_vocabularies.finding_keys():
                raise ValueError(f"must name AHA codes of ecg_codes.csv (found {key!r})")
        return self

    @field_validator("targets")
    @classmethod
    def _selectable(cls, targets: list[str]) -> list[str]:
        known = zzu_targets.selectable()
        for target in targets:
            if target not in known:
                hint = params.did_you_mean(target, known)
                raise ValueError(f"must name targets of ZZU-pECG (found {target!r}){hint}")
        if len(set(targets)) < len(targets):
            raise ValueError(f"must name every target once (found {targets})")
        return targets


class Cinc2017Settings(Section):
    """Which labels of PhysioNet/CinC 2017 are read."""

    labels: str = Field(
        description=(
            "table of labels in the cohort's root, such as REFERENCE-v3.csv; the older "
            "versions v0 to v2 differ in some recordings"
        )
    )


class PtbxlSettings(Section):
    """Which copy of PTB-XL's signals is read."""

    records: Literal["records100", "records500"] = Field(
        description="the signals at 100 Hz or at 500 Hz"
    )


class PublicSettings(Section):
    """What is read of a public data set of ``descriptions/``."""

    parts: list[str] = Field(
        description="folders to read of a data set that is made of several, as georgia of "
        "cinc2021; empty: all"
    )


class ManifestColumns(Section):
    """The manifest's own name of each column; null where it has none."""

    record_id: str | None = Field(
        description="column of the examination's identifier, unique; null: its path is its name"
    )
    patient_id: str = Field(description="column of the patient's identifier")
    path: str = Field(
        description=(
            "column of the file, WFDB (with or without .hea) or vendor XML, relative to "
            "the cohort's root"
        )
    )
    age: str | None = Field(
        description="column of the age, in `age_unit` or with a unit per cell; where it is "
        "empty or null, the file's own age"
    )
    sex: str | None = Field(
        description="column of the sex; where it is empty or null, the file's own"
    )
    acquired_at: str | None = Field(description="column of the date and time of acquisition")
    split: str | None = Field(
        description="column of the data set's own train, validation (or val) or test"
    )
    fold: str | None = Field(description="column of the data set's own fold, a whole number")


class ManifestSettings(Section):
    """How a hospital's own CSV is read."""

    file: str = Field(description="the CSV, relative to the cohort's root and below it")
    columns: ManifestColumns
    age_unit: Literal["ask", "days", "weeks", "months", "years"] | None = Field(
        description=(
            "unit of ages without one; ask: days, but where all bare numbers are at most "
            "250, perhaps years or months, the run ends with a question; null: every cell "
            "must contain its unit, as 572d"
        )
    )
    female: list[str] = Field(description="values that mean female, case-insensitive")
    male: list[str] = Field(description="values that mean male, case-insensitive")
    labels: list[str] = Field(
        description=(
            "label columns (1 present, 0 absent, empty unknown); `target=column` renames "
            "(chd=CHD_flag), as does `target:column`, which needs no quotes after -S"
        )
    )

    features: list[str] = Field(
        description=(
            "numeric columns kept besides age and sex, as x_… in records.parquet; "
            "`name=column` renames (dose=Dose_mg_m2), as does `name:column`"
        )
    )
    conflicting_labels: Literal["keep", "quarantine", "refuse"] = Field(
        description="records of one patient that are 0 and 1 in a label: kept (a disease may "
        "resolve), quarantined, or the run refused"
    )

    @field_validator("file")
    @classmethod
    def _below_the_root(cls, file: str) -> str:
        # DVC watches the root: a table next to it could change without anything running again.
        flat = PurePosixPath(os.path.normpath(file))
        if flat.is_absolute() or flat.parts[:1] == ("..",):
            raise ValueError(f"must lie below cohort.root (found {file!r})")
        return file

    @field_validator("labels", "features")
    @classmethod
    def _one_name_each(cls, labels: list[str]) -> list[str]:
        targets = [_renamed(label)[0] for label in labels]
        if len(set(targets)) < len(targets) or not all(targets) or "record_id" in targets:
            raise ValueError(f"must name every target once, and none record_id (found {labels})")
        names.require(targets)
        return labels

    def targets(self) -> dict[str, str]:
        """Return the column of each target."""
        return _columns(self.labels)

    def numbers(self) -> dict[str, str]:
        """Return the column of each further number."""
        return _columns(self.features)


def _columns(named: list[str]) -> dict[str, str]:
    return dict(map(_renamed, named))


def _renamed(entry: str) -> tuple[str, str]:
    """Split ``target=column`` or ``target:column``; a name alone is both.

    A colon has no meaning in Hydra's grammar, in which ``[norm=NORM]`` would need quotes within
    those of the shell.
    """
    name, _, column = entry.partition("=" if "=" in entry else ":")
    return name.strip(), (column or name).strip()


# A parameter file may leave out the blocks of data sets that it never reads.
_ELSEWHERE: Any = None
_BLOCKS = {
    "simulated": "zzu",
    "zzu": "zzu",
    "ptbxl": "ptbxl",
    "cinc2017": "cinc2017",
    "simulated_cinc2017": "cinc2017",
    "manifest": "manifest",
    "simulated_manifest": "manifest",
    **dict.fromkeys(public_description.names(), "public"),
}


def load(section: str, file: Path = params.PARAMS_FILE) -> "CohortSettings":
    """Read a section that describes a cohort.

    What it says of no data set (its blocks, as `manifest`) is taken from the section `cohort`.
    """
    values = params.read_section(section, file)
    if isinstance(values, dict):
        shared = params.read_file(file).get("cohort") or {}
        values = {k: shared[k] for k in dict.fromkeys(_BLOCKS.values()) if k in shared} | values
    return params.parse(values, section, CohortSettings, file.name)


class CohortSettings(Section):
    """One cohort; the block of its own name says the rest."""

    name: str = Field(
        description="the data set: simulated, zzu, ptbxl, cinc2017, simulated_cinc2017, manifest, "
        "simulated_manifest, whose settings are in the block of that name, or one of the public "
        "data sets of the block `public`"
    )
    root: str = Field(description="folder of the data set; may lie outside the repository")
    min_age_days: int | None = Field(
        ge=0,
        description=(
            "youngest age kept, days; records of younger or unknown age are excluded and "
            "counted; null: no limit"
        ),
    )
    max_age_days: int | None = Field(
        ge=0, description="oldest age kept, days; 6573 keeps those under 18 years; null: no limit"
    )
    require_age: bool = Field(
        description="true: a record without age is quarantined; false: its age is null "
        "(PTB-XL hides some ages: there they are always null)"
    )
    require_sex: bool = Field(
        description="true: a record of unknown sex is quarantined; false: its sex is null"
    )
    zzu: ZzuSettings = Field(_ELSEWHERE, validate_default=False, description="of zzu and simulated")
    ptbxl: PtbxlSettings = Field(_ELSEWHERE, validate_default=False, description="of ptbxl")
    cinc2017: Cinc2017Settings = Field(
        _ELSEWHERE, validate_default=False, description="of (simulated_)cinc2017"
    )
    manifest: ManifestSettings = Field(
        _ELSEWHERE, validate_default=False, description="of (simulated_)manifest"
    )

    public: PublicSettings = Field(
        _ELSEWHERE,
        validate_default=False,
        description="of the public data sets that have a file in src/pedecg/cohorts/descriptions",
    )

    @field_validator("name")
    @classmethod
    def _readable(cls, name: str) -> str:
        if name not in _BLOCKS:
            hint = params.did_you_mean(name, _BLOCKS)
            raise ValueError(f"must name a data set (found {name!r}){hint}")
        return name

    @model_validator(mode="after")
    def _its_own_block(self) -> "CohortSettings":
        block = _BLOCKS[self.name]
        if block not in self.model_fields_set:
            raise ValueError(f"needs the block {block} (found none) for the cohort {self.name}")
        return self

    @model_validator(mode="after")
    def _ages_in_order(self) -> "CohortSettings":
        low, high = self.min_age_days, self.max_age_days
        if low is not None and high is not None and low > high:
            raise ValueError(f"needs min_age_days <= max_age_days (found {low} and {high})")
        return self
