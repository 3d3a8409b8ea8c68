"""An answer as HL7 FHIR R4: a DiagnosticReport that contains one Observation per result.

The report has no subject: the service does not know the patient's identity. A system that stores
it adds `subject`. https://hl7.org/fhir/R4/diagnosticreport.html
"""

import math
from typing import Any

import pandas as pd

from pedecg.predict.prediction_report import USE, Answer

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
SYSTEM = "urn:pedecg"  # of codes that no terminology has: targets and criteria of pedecg
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ID_CHARACTERS = 64  # FHIR's limit for an id
# Measure -> LOINC code, name and UCUM unit.
MEASURES = {
    "heart_rate_bpm": ("8867-4", "Heart rate", "/min"),
    "pr_ms": ("8625-6", "P-R Interval", "ms"),
    "qrs_ms": ("8633-0", "QRS duration", "ms"),
    "qt_ms": ("8634-8", "Q-T interval", "ms"),
    "qtc_bazett_ms": ("8636-3", "Q-T interval corrected", "ms"),
    "qrs_axis_deg": ("8632-6", "QRS axis", "deg"),
}


def report(answer: Answer) -> dict[str, Any]:
    """Return the report as FHIR's JSON has it."""
    observations = [*_targets(answer), *_criteria(answer), *_measures(answer.exam.rules)]
    flags = "; ".join(answer.flags) or "none"
    probabilities = ", ".join(
        f"{target} {p:.3f}" for target, p in zip(answer.targets, answer.probabilities, strict=True)
    )
    return {
        "resourceType": "DiagnosticReport",
        "contained": observations,
        "identifier": [{"system": f"{SYSTEM}:record", "value": answer.exam.recording.record_id}],
        "status": "preliminary",
        "code": {"coding": [_coding(LOINC, "11524-6", "EKG study")]},
        "result": [{"reference": f"#{one['id']}"} for one in observations],
        "conclusion": f"Model {answer.model}, training patients {answer.children}: "
        f"{probabilities}. Flags: {flags}. {USE}",
    }


def _targets(answer: Answer) -> list[dict[str, Any]]:
    found = []
    for target, p, cut, predicted in zip(
        answer.targets, answer.probabilities, answer.thresholds, answer.predicted, strict=True
    ):
        one = _observation(f"target-{target}", _coding(f"{SYSTEM}:target", target, target))
        one["valueQuantity"] = _quantity(p, "1")
        if not math.isnan(predicted):
            code = ("NEG", "Negative") if predicted == 0 else ("POS", "Positive")
            system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
            one["interpretation"] = [{"coding": [_coding(system, *code)]}]
        if not math.isnan(cut) and cut <= 1:
            one["referenceRange"] = [
                {"high": _quantity(cut, "1"), "text": "positive from this probability on"}
            ]
        one["method"] = {"text": f"pedecg model {answer.model}, calibrated probability"}
        found.append(one)
    return found


def _criteria(answer: Answer) -> list[dict[str, Any]]:
    found = []
    for number, (title, reason) in enumerate(answer.rules):
        one = _observation(f"criterion-{number}", _coding(f"{SYSTEM}:criterion", title, title))
        one |= {"valueBoolean": True, "note": [{"text": reason}]}
        found.append(one)
    return found


def _measures(rules: pd.DataFrame) -> list[dict[str, Any]]:
    row, found = rules.iloc[0], []
    for name, (code, title, unit) in MEASURES.items():
        one = _observation(f"measure-{name}", _coding(LOINC, code, title))
        value = float(row[name])
        valid = f"valid_{name}" not in rules or row[f"valid_{name}"] == 1
        if math.isfinite(value) and valid:
            one["valueQuantity"] = _quantity(value, unit)
        else:
            one["dataAbsentReason"] = {"coding": [_coding(_ABSENT, "unknown", "Unknown")]}
        found.append(one)
    return found


def _observation(name: str, coding: dict[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name.replace("_", "-")[:_ID_CHARACTERS],
        "status": "preliminary",
        "category": [{"coding": [_coding(_CATEGORY, "procedure", "Procedure")]}],
        "code": {"coding": [coding]},
    }


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": float(f"{value:.6g}"), "unit": unit, "system": UCUM, "code": unit}
