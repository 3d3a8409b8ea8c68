"""What the pipeline may not see: true measurements, severities and which labels are wrong."""

from typing import Any

import numpy as np
import pandas as pd

from pedecg.simulation import findings, true_measures
from pedecg.simulation.artefacts import Artefacts
from pedecg.simulation.beat_shape import BeatShape
from pedecg.simulation.beat_times import Rhythm
from pedecg.simulation.children import Visit
from pedecg.simulation.conditions import GROUPS
from pedecg.simulation.synthesis import CleanEcg


def measured(
    traits: dict[str, float],
    beat: BeatShape,
    wide: BeatShape,
    rhythm: Rhythm,
    clean: CleanEcg,
    length_s: float,
) -> dict[str, float]:
    """Measure the noise-free heart: ms, mV, bpm and degrees as the names say.

    Plain names are what the heart was given, ``read_<column of RULES>`` what a perfect reader
    would measure on it.
    """
    read = true_measures.readings(beat, wide, rhythm, clean.qt_ms, length_s)
    inside = (rhythm.qrs_s >= 0) & (rhythm.qrs_s < length_s)
    rr = rhythm.rr_s()[inside]
    rate = 60 / rr.mean()
    early = rr < 0.8 * np.median(rr)
    amplitudes = {
        f"{key}_mv": beat.measured[key] for key in ("r_v1", "s_v1", "r_v6", "s_v6", "q_v6")
    }
    return {
        "heart_rate_bpm": float(rate),
        "rr_sd_ms": float(1000 * rr.std()),
        "early_share": float(early.mean()),
        "p_ms": traits["p_ms"],
        "pr_ms": traits["pr_ms"],
        "qrs_ms": traits["qrs_ms"],
        "qt_ms": clean.qt_ms,
        "qtc_bazett_ms": clean.qt_ms * float(np.sqrt(rate / 60)),
        "qrs_axis_deg": beat.measured["axis_deg"],
        **amplitudes,
        "t_v1_mv": beat.measured["t_v1_mv"],
        "t_v6_mv": beat.measured["t_v6_mv"],
        "st_mv": traits["st_mv"],
        "p_ii_mv": traits["p"],
        "la_mv": traits["la_mv"],
        "late_mv": traits["late_mv"],
        "voltage": traits["voltage"],
        **{f"read_{name}": value for name, value in read.items()},
    }


def row(
    visit: Visit,
    measures: dict[str, float],
    rhythm: str,
    flaws: Artefacts,
    right: list[tuple[str, str]],
    written: list[tuple[str, str]],
) -> dict[str, Any]:
    """Return a row of `tables.TRUTH`.

    `right` are the true findings, `written` those in the record.
    """
    true = {**findings.abnormal(right), **visit.true}
    coded = {**findings.abnormal(written), **visit.coded}
    return {
        "record_id": visit.ecg_id,
        "patient_id": visit.patient_id,
        **{f"true_{target}": int(value) for target, value in true.items()},
        **{f"wrong_{target}": true[target] != coded[target] for target in true},
        **{f"severity_{group}": visit.severity[group] for group in GROUPS},
        "conditions": ";".join(f"{n}:{s:.2f}" for n, s in visit.severities.items()),
        "rhythm": rhythm or "sinus",
        "saturated": flaws.saturated,
        "lead_off": flaws.lead_off,
        "muscle_uv": 1000 * flaws.muscle_mv,
        **measures,
    }


def fiducials(visit: Visit, clean: CleanEcg) -> pd.DataFrame:
    """Return the true waves of a record as rows of `tables.WAVES`, for all leads together."""
    return clean.fiducials.assign(record_id=visit.ecg_id, lead="global", confidence=1.0)[
        ["record_id", "lead", "wave", "onset_s", "peak_s", "offset_s", "confidence"]
    ]
