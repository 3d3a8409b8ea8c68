"""Words of the page that are data: names of targets, reasons, findings to tick."""

from pedecg.rules.criteria import CRITERIA

# Targets of the pipelines that come with pedecg; another one is shown by its own name.
_TITLES = {
    "abnormal": "any abnormality",
    "chd": "congenital heart disease",
    "myocarditis": "myocarditis",
    "cardiomyopathy": "cardiomyopathy",
    "kawasaki": "Kawasaki disease",
    "normal": "normal sinus rhythm",
    "af": "atrial fibrillation",
    "other": "another rhythm",
    "noisy": "a recording too noisy to read",
    "ctrcd": "cancer therapy-related cardiac dysfunction",
}

# Why a recorded label is doubted or kept, in the order of the keys 1 to 9.
REASONS = (
    "Typical ECG pattern",
    "Normal variant for age",
    "Recorded diagnosis not visible in the ECG",
    "Recorded diagnosis contradicted by the ECG",
    "Borderline finding",
    "After treatment or recovery",
    "Electrodes misplaced",
    "Noise or baseline wander",
    "Too few or unusable leads",
)


def title(target: str) -> str:
    """Return a target as in the page's question ``Does this ECG show …?``."""
    return _TITLES.get(target, target.replace("_", " "))


def findings() -> list[str]:
    """Return the findings that can be ticked: the titles of all criteria."""
    return list(dict.fromkeys(criterion.title for criterion in CRITERIA))
