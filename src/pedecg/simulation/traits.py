"""What one child's heart looks like in numbers, before and after illness.

Traits: ``rate`` (bpm), ``rsa`` (respiratory share of RR), ``breathing`` (per minute), ``pr_ms``,
``qrs_ms``, ``qtc_ms`` (Bazett), ``p_ms``, ``axis_deg``, ``t_axis_deg``, amplitudes in mV (``p`` in
II, ``r_v1``, ``s_v1``, ``r_v6``, ``s_v6``, ``q_v6``, ``t_v1_mv``, ``t_v6``, ``st_mv``, ``u_mv``,
``la_mv`` late P in V1, ``late_mv`` r' in V1), the factors ``voltage``, ``delta``, ``lbbb``, and
what no rule measures: ``t_symmetry``, ``t_hump``, ``fragmented``, ``p_notch`` (0 to 1),
``alternans`` (share of T).
"""

import numpy as np

from pedecg.core.records import Sex
from pedecg.simulation import conditions, physiology

# trait -> its curve in physiology.csv
_CURVES = {
    "rate": "heart_rate", "rsa": "rsa", "breathing": "breathing", "pr_ms": "pr", "qrs_ms": "qrs",
    "qtc_ms": "qtc_bazett", "p_ms": "p_duration", "axis_deg": "qrs_axis", "t_axis_deg": "t_axis",
    "p": "p_ii", "r_v1": "r_v1", "s_v1": "s_v1", "r_v6": "r_v6", "s_v6": "s_v6", "q_v6": "q_v6",
    "t_v1_mv": "t_v1", "t_v6": "t_v6",
}  # fmt: skip
# What only a disease adds.
_HEALTHY = dict.fromkeys(
    (
        "st_mv", "u_mv", "la_mv", "late_mv", "delta", "lbbb",
        "t_symmetry", "t_hump", "alternans", "fragmented", "p_notch",
    ),
    0.0,
)  # fmt: skip
# A child keeps most of its traits from one examination to the next; the rest is of the day.
_LASTING = 0.9
# Draws are cut to these: beyond them lies no child that could be recorded.
_LIMITS = {
    "rate": (45.0, 220.0), "rsa": (0.0, 0.28), "pr_ms": (60.0, 320.0), "qrs_ms": (40.0, 180.0),
    "qtc_ms": (310.0, 600.0), "r_v1": (0.02, 4.5), "s_v1": (0.02, 4.5), "r_v6": (0.08, 5.0),
    "s_v6": (0.0, 3.0), "q_v6": (0.0, 1.2), "voltage": (0.25, 1.5),
}  # fmt: skip


def personal(rng: np.random.Generator) -> dict[str, float]:
    """Draw where a child stands among the children of its age, a standard normal per trait."""
    z = {trait: float(rng.normal()) for trait in (*_CURVES, "voltage")}
    for trait in ("r_v1", "s_v1", "r_v6", "s_v6"):
        # A thin chest raises all leads at once.
        z[trait] = 0.5 * z["voltage"] + np.sqrt(0.75) * z[trait]
    return z


def draw(
    age_days: float,
    sex: Sex,
    z: dict[str, float],
    severities: dict[str, float],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the traits of one examination.

    Parameters
    ----------
    z : the child's place among its peers, from `personal`.
    severities : condition -> 0 to 1.
    """
    today = {
        trait: _LASTING * z[trait] + np.sqrt(1 - _LASTING**2) * rng.normal() for trait in _CURVES
    }
    healthy = {
        trait: physiology.value(curve, age_days, sex, today[trait])
        for trait, curve in _CURVES.items()
    }
    # The conduction time follows the rate of the day, not only that of the age.
    usual_rate = physiology.value("heart_rate", age_days, sex, 0.0)
    moved = conditions.moved({**healthy, **_HEALTHY, "voltage": 1.0}, severities)
    moved["pr_ms"] *= (usual_rate / max(moved["rate"], 40.0)) ** 0.25
    for trait, (low, high) in _LIMITS.items():
        moved[trait] = float(np.clip(moved[trait], low, high))
    moved["axis_deg"] = float((moved["axis_deg"] + 180) % 360 - 180)
    # A loop that runs further to the right than any healthy one of that age leaves a small R and a
    # deep S on the left; the voltages of healthy newborns are those of their rightward loops.
    rightmost = physiology.percentiles("qrs_axis", age_days, sex)[2]
    rightward = max(0.0, _to_the_right(moved["axis_deg"]) - _to_the_right(rightmost))
    moved["s_v6"] += 0.6 * rightward * moved["r_v6"]
    moved["r_v6"] *= 1 - 0.6 * rightward
    moved["p_ms"] = min(moved["p_ms"], 0.85 * moved["pr_ms"])
    return moved


def _to_the_right(axis_deg: float) -> float:
    """Return how far an axis points to the right, 0 (down or left) to 1."""
    return max(0.0, -float(np.cos(np.deg2rad(axis_deg))))
