"""What a channel is, by the name that a recorder or a converter gave it.

`standard` knows the spellings of the twelve leads; `role` tells leads from further ECG channels
and from signals that are not ECG, as respiration stored in millivolts.
"""

import re
from typing import Literal

from pedecg.cohorts.formats.numbers import whole
from pedecg.core.records import FURTHER_LEADS, canonical_lead

# Numbers of SCP-ECG (EN 1064, table of lead identification); DICOM's 5.6.3-9-n and, from 131328 on,
# ISO 11073-10102's codes (MDC) count alike.
BY_NUMBER: dict[int, str] = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 10: "V2R",
    11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 61: "III", 62: "aVR", 63: "aVL",
    64: "aVF", 66: "V8", 67: "V9",
}  # fmt: skip
MDC_FIRST = 131328  # code 2:0 of ISO/IEEE 11073-10101, from which its lead numbers count

Role = Literal["lead", "unplaced", "other", "not-ecg"]

_SHORT = 2  # characters that are quoted of any name
_PREFIX = re.compile(
    r"(?:MDC_ECG_LEAD_|MDC_ECG_ELEC_POTL_|MDC_ECG_|(?:ECG|EKG|LEADS?|ABLEITUNG|DERIVATION)[\s_:.-]+)",
    re.IGNORECASE,
)
# Spanish, Portuguese and French recorders call the limb leads D1 or DI, some aVR plain VR.
_SPELLINGS = {
    "d1": "I", "d2": "II", "d3": "III", "di": "I", "dii": "II", "diii": "III",
    "vr": "aVR", "vl": "aVL", "vf": "aVF",
}  # fmt: skip
# Chest leads of monitors and Holter recorders, whose electrode may be anywhere on the chest.
_UNPLACED = re.compile(r"(?:v|c|va|vb|mcl\d?|ml\w+|cm\d|cc\d|cs\d|mv\d|mx|eks|es|as|ai)")
_NOT_ECG_WORDS = frozenset([
    "abp", "art", "ap", "bp", "nbp", "nibp", "ibp", "pap", "cvp", "icp", "lap", "rap", "lvp", "rvp",
    "spo", "sao", "sat", "co", "etco", "o", "scg", "gcg", "bcg", "pcg", "phono", "eeg", "emg",
    "eog", "eda", "gsr", "acc", "accx", "accy", "accz", "gyro", "flow", "mic", "snore", "sound",
    "event", "events", "trig", "trigger", "sync", "time", "pulse", "pos", "position", "light",
    "fhr", "uc", "ua", "bis", "cap", "battery", "status", "quality", "pleth", "ppg", "rsp",
    "stroke",
])  # fmt: skip
_NOT_ECG_STEMS = (
    "resp", "pleth", "airflow", "nasal", "thor", "abdo", "temp", "annot", "marker", "press",
    "capno", "impedance", "accel", "spo2", "sao2", "etco2", "chin",
)  # fmt: skip


def standard(name: str) -> str | None:
    """Return the canonical name of one of the twelve leads, or None.

    ``ECG I``, ``Lead II``, ``MDC_ECG_LEAD_V1``, ``D1``, ``Lead I (Einthoven)`` and ``I # noisy``
    are leads; ``-aVR`` (Cabrera), ``MLII`` (modified) and ``V`` (unknown place) are none.
    """
    bare = _bare(name)
    return canonical_lead(bare) or _SPELLINGS.get(bare.lower())


def of_mdc(code: str) -> str | None:
    """Return the name behind an ISO 11073 code, ``MDC_ECG_LEAD_V1`` or ``131331``, or None."""
    n = whole(code)
    if n is not None:
        return BY_NUMBER.get(n - MDC_FIRST) or BY_NUMBER.get(n - MDC_FIRST + 256)
    return display(code) if code.upper().startswith("MDC_ECG_") else standard(code)


def further(name: str) -> str | None:
    """Return the canonical name of an electrode besides the twelve leads (``V4R``), or None."""
    bare = _bare(name).upper()
    return bare if bare in FURTHER_LEADS else None


def display(name: str) -> str:
    """Return the canonical name where there is one, else the name in at most 24 characters."""
    return standard(name) or further(name) or " ".join(name.split())[:24]


def shown(name: str) -> str:
    """Return a channel's name for a message: only a word that stands for a signal is quoted.

    Any other may be free text, and free text may be the name of a person.
    """
    if role(name) != "other" or len(name) <= _SHORT:
        return repr(display(name))
    return f"of a name of {len(name)} characters"


def labelled(name: str) -> str:
    """Return ``lead V1`` for a message; of a name that may be free text its length alone."""
    known = standard(name) or further(name)
    return f"lead {known}" if known else f"a lead {shown(name)}"


def role(name: str) -> Role:
    """Return what a channel is: lead, ECG of an unknown place, unknown, or no ECG."""
    if standard(name):
        return "lead"
    bare = _bare(name).lower()
    if further(name) or _UNPLACED.fullmatch(bare):
        return "unplaced"
    word = re.match(r"[a-z]*", bare)
    if (word and word[0] in _NOT_ECG_WORDS) or bare.startswith(_NOT_ECG_STEMS):
        return "not-ecg"
    return "other"


def is_called_ecg(name: str) -> bool:
    """Return whether the name itself says that the channel is an ECG."""
    return re.search(r"(?:^|[^a-z])(?:ecg|ekg)(?:[^a-z]|$)", name.lower()) is not None


def _bare(name: str) -> str:
    """Take off remarks, blanks and the words that mean 'lead'."""
    bare = re.split(r"[#(\[]", name, maxsplit=1)[0].strip()
    while (found := _PREFIX.match(bare)) is not None and found.end() < len(bare):
        bare = bare[found.end() :].strip()
    return bare
