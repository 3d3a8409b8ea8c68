"""The QRS loop of a child, fitted to the voltages and the axis that it should show.

The complex passes four stages (septum, early, main, base), and two more in illness: a late one to
the right and front (right bundle), an early slur (accessory pathway). Each is a Gaussian whose
dipole starts from a design and is then moved, by Gauss-Newton steps, until R and S in V1 and V6
and the frontal axis are those of the child.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.simulation import torso
from pedecg.simulation.gaussian_waves import Waves

# Time and width of the stages as parts of the complex.
_SEPTUM, _EARLY, _MAIN, _BASE, _LATE, _SLUR = range(6)
_TIME = np.array([0.16, 0.34, 0.51, 0.70, 0.94, 0.10])
_WIDTH = np.array([0.075, 0.085, 0.09, 0.085, 0.13, 0.19])
# How much each lead decides the dipole; V1 and V6 are what criteria read.
_DESIGN_WEIGHTS = {"V1": 1.0, "V3": 0.4, "V6": 1.0, "I": 0.8, "aVF": 1.0}
# How far a feature may be off, mV (areas: averages over the complex), and how far a stage may
# leave its design.
_TOLERANCE = {
    "r_v1": 0.05, "s_v1": 0.05, "r_v6": 0.05, "s_v6": 0.05, "q_v6": 0.04, "frontal": 0.25,
    "along": 0.02, "across": 0.005, "chest": 0.5,
}  # fmt: skip
_DESIGN_TOLERANCE_MV = 0.6  # how far a stage may leave its design
_NET_AREA = 0.08  # of the largest frontal voltage, averaged over the complex
# Fragments: number, half-width and distance of their two halves as parts of the complex, and size
# at full severity as a part of the largest dipole: small against R and S, large against the noise.
_FRAGMENTS, _FRAGMENT_WIDTH, _FRAGMENT_STEP, _FRAGMENT_SIZE = 3, 0.03, 0.075, 0.05
_STEPS = 10  # Gauss-Newton steps, all of which are made
_WHOLE_STEPS = 5  # of these, the first
_PARTS = np.array([1.0, 0.6, 0.3, 0.1, 0.0])  # of a step: the best of them is made
_NUDGE_MV = 0.01  # step of the numerical derivative


def qrs(traits: dict[str, float], rng: np.random.Generator) -> tuple[Waves, dict[str, float]]:
    """Return the waves of the QRS, from its onset, and what a reader would measure on them."""
    stages = [_SEPTUM, _EARLY, _MAIN, _BASE]
    stages += [_LATE] if traits["late_mv"] > 0.05 else []
    stages += [_SLUR] if traits["delta"] > 0.05 else []
    time = _TIME[stages] + rng.normal(0, 0.012, len(stages))
    width = _WIDTH[stages] * (1 + 0.45 * traits["lbbb"]) * rng.lognormal(0, 0.05, len(stages))
    tilt_deg = np.zeros(6)
    tilt_deg[stages] = rng.normal(0, 12, len(stages))

    wish = {lead: mv[stages] for lead, mv in _design(traits, tilt_deg).items()}
    overlap = elementary.exp(-0.5 * np.square((time[:, None] - time[None, :]) / width[None, :]))
    at_stage = torso.dipole_for(wish, _DESIGN_WEIGHTS).T
    start = elementary.least_squares(overlap, at_stage)
    waves = _notched(Waves(time, width, width, start), rng, 0.05 + 0.15 * traits["lbbb"])
    waves = _fitted(waves, traits)
    if traits["fragmented"] > 0:
        waves = _fragmented(waves, rng, traits["fragmented"])
    waves = waves.with_dipole(waves.dipole_mv * traits["voltage"])
    waves = waves.stretched(traits["qrs_ms"] / 1000)
    return waves, measured(waves)


def measured(waves: Waves) -> dict[str, float]:
    """Measure R and S in V1 and V6, Q in V6 (mV) and the frontal axis of the areas (degrees)."""
    time = waves.grid(400)
    leads = torso.to_leads(waves.at(time))
    found = {name: float(x[0]) for name, x in _features(leads[None], _rise(waves, time)).items()}
    axis = math.atan2(found.pop("area_foot"), found.pop("area_i"))
    return {**found, "axis_deg": math.degrees(axis)}


def _features(leads: NDArray[np.float64], rise: int) -> dict[str, NDArray[np.float64]]:
    """Measure many complexes at once.

    Parameters
    ----------
    leads : shape (n_complexes, 12, n_times), mV.
    rise : index of the time that parts Q from S in V6, see `_rise`.
    """
    row = torso.ROW
    one, foot, v1, v6 = (leads[:, row[lead]] for lead in ("I", "aVF", "V1", "V6"))
    foot = foot * 2 / np.sqrt(3)
    chest = leads[:, row["V2"] : row["V4"] + 1]
    return {
        "r_v1": np.maximum(v1.max(axis=1), 0),
        "s_v1": np.maximum(-v1.min(axis=1), 0),
        "r_v6": np.maximum(v6.max(axis=1), 0),
        "s_v6": np.maximum(-v6[:, rise:].min(axis=1), 0),
        "q_v6": np.maximum(-v6[:, : rise + 1].min(axis=1), 0),
        "frontal": np.hypot(one, foot).max(axis=1),
        "area_i": one.mean(axis=1),
        "area_foot": foot.mean(axis=1),
        "chest": np.ptp(chest, axis=2).max(axis=1),
    }


def _rise(waves: Waves, time: NDArray[np.float64]) -> int:
    """Return when R begins: what is negative before the early stage is Q, after it S."""
    return int(np.argmin(np.abs(time - waves.centre_s[_EARLY])))


def _fitted(waves: Waves, traits: dict[str, float]) -> Waves:
    """Move the dipoles until the features are the wanted ones, and no further than needed."""
    wanted = {name: traits[name] for name in ("r_v1", "s_v1", "r_v6", "s_v6", "q_v6")}
    wanted["frontal"] = 0.4 + 0.5 * traits["r_v6"] + 0.25 * traits["r_v1"]
    wanted["chest"] = 1.15 * (traits["r_v1"] + traits["s_v1"]) + 0.65 * traits["r_v6"]
    # The net area points along the axis, and far enough for a reader to see where.
    axis = np.deg2rad(traits["axis_deg"])
    wanted |= {"along": _NET_AREA * wanted["frontal"], "across": 0.0}
    basis = waves.shapes(waves.grid(240))
    rise = _rise(waves, waves.grid(240))
    design = waves.dipole_mv.ravel()
    # The leads are linear in the dipoles: what a nudge adds to them is the same at every step.
    per_nudge = _NUDGE_MV * torso.LEAD_FIELD.T[None, :, :, None] * basis[:, None, None, :]
    added = np.concatenate([np.zeros((1, 12, 240)), per_nudge.reshape(-1, 12, 240)])

    def leads_of(now: NDArray[np.float64]) -> NDArray[np.float64]:
        return torso.to_leads(elementary.product(now.reshape(-1, 3).T, basis))

    def misfit(leads: NDArray[np.float64]) -> NDArray[np.float64]:
        found = _features(leads, rise)
        left, down = found["area_i"], found["area_foot"]
        found["across"] = down * np.cos(axis) - left * np.sin(axis)
        found["along"] = np.minimum(left * np.cos(axis) + down * np.sin(axis), wanted["along"])
        found["chest"] = np.maximum(found["chest"], wanted["chest"])
        off = [(found[name] - wanted[name]) / tolerance for name, tolerance in _TOLERANCE.items()]
        return np.stack(off, axis=1)

    # With J the slope and d the distance from the design in its tolerance t, the step x is least in
    # |J x + misfit|² + |(d + x) / t|². It follows from as many equations as there are features:
    # d + x = Jᵀ (J Jᵀ + 1 / t²)⁻¹ (J d - misfit).
    kept = np.eye(len(_TOLERANCE)) / _DESIGN_TOLERANCE_MV**2
    now = design
    for number in range(_STEPS):
        values = misfit(leads_of(now) + added)
        slope = (values[1:] - values[0]).T / _NUDGE_MV
        away = now - design
        square = (slope[:, None] * slope).sum(axis=2) + kept
        change = (slope * away).sum(axis=1) - values[0]
        share = elementary.least_squares(square, change[:, None])
        step = (slope * share).sum(axis=0) - away
        # The largest voltage of a lead jumps from one stage to another, so that whole steps do not
        # settle; the first ones are whole all the same, to leave the neighbourhood of the design.
        parts = _PARTS[:1] if number < _WHOLE_STEPS else _PARTS
        tried = now + parts[:, None] * np.clip(step, -0.5, 0.5)
        off = misfit(np.stack([leads_of(one) for one in tried]))
        cost = np.square(off).sum(axis=1)
        cost += np.square((tried - design) / _DESIGN_TOLERANCE_MV).sum(axis=1)
        now = tried[np.argmin(cost)]
    return waves.with_dipole(now.reshape(-1, 3))


def _design(
    traits: dict[str, float], tilt_deg: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return what five leads should show at each of the six stages, shape (6,), mV.

    With a dominant right ventricle (newborn, or a disease that loads it) the loop goes to the
    front and right; with a dominant left one it goes left and back.
    """
    r1, s1, r6, s6 = (traits[key] for key in ("r_v1", "s_v1", "r_v6", "s_v6"))
    late, slur, block = traits["late_mv"], traits["delta"], traits["lbbb"]
    right = float(np.clip((r1 / (r1 + s1 + 0.01) - 0.3) / 0.5, 0, 1))
    left = 1 - right
    size = 0.4 + 0.5 * r6 + 0.25 * r1
    part = [0.1, 0.35 + 0.25 * right, 1.0, 0.22 + 0.35 * right, 0.25 * late, 0.3 * slur]
    turn_deg = np.array([165.0, -15 - 35 * right, 0.0, 105 - 40 * right, 125.0, 0.0])
    angle = np.deg2rad(traits["axis_deg"] + turn_deg + tilt_deg)
    open_bundle = 1 - block
    return {
        "V1": np.array([
            0.25 * r1 * open_bundle, r1 * (1 - 1.1 * block), 0.35 * right * r1 - left * s1,
            -right * s1 - 0.35 * left * s1, late, -0.12 * slur,
        ]),
        "V3": np.array([
            0.1 * r1, 0.55 * r6 + 0.3 * r1, 0.15 * r6 - 0.5 * s1, -0.5 * s1,
            0.3 * late, 0.3 * slur,
        ]),
        "V6": np.array([
            -traits["q_v6"] * open_bundle, (right + 0.25 * left) * r6,
            left * r6 + right * (0.25 * r6 - 0.4 * s6), -s6 + 0.6 * block * r6,
            -0.5 * late, 0.35 * slur,
        ]),
        "I": size * np.array(part) * np.cos(angle),
        "aVF": size * np.array(part) * np.sin(angle) * np.sqrt(3) / 2,
    }  # fmt: skip


def _notched(waves: Waves, rng: np.random.Generator, size: float) -> Waves:
    """Add three small narrow waves: real complexes are slurred and notched."""
    largest = elementary.norm(waves.dipole_mv, axis=1).max()
    width = np.full(3, 0.045)
    return Waves(
        np.concatenate([waves.centre_s, rng.uniform(0.3, 0.85, 3)]),
        np.concatenate([waves.rise_s, width]),
        np.concatenate([waves.fall_s, width]),
        np.concatenate([waves.dipole_mv, rng.normal(0, size * largest, (3, 3))]),
    )


def _fragmented(waves: Waves, rng: np.random.Generator, severity: float) -> Waves:
    """Add small notches, each up and down by the same, so that net areas and the axis stay."""
    largest = elementary.norm(waves.dipole_mv, axis=1).max()
    first = rng.uniform(0.3, 0.75, _FRAGMENTS)
    direction = rng.normal(size=(_FRAGMENTS, 3))
    direction /= elementary.norm(direction, axis=1)[:, None]
    half = severity * _FRAGMENT_SIZE * largest * direction
    width = np.full(2 * _FRAGMENTS, _FRAGMENT_WIDTH)
    return Waves(
        np.concatenate([waves.centre_s, first, first + _FRAGMENT_STEP]),
        np.concatenate([waves.rise_s, width]),
        np.concatenate([waves.fall_s, width]),
        np.concatenate([waves.dipole_mv, half, -half]),
    )
