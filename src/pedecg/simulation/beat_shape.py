"""The shape of one heart beat: Gaussian waves of a dipole, fitted to what the leads should show.

After McSharry PE et al. A dynamical model for generating synthetic electrocardiogram signals.
IEEE Trans Biomed Eng 2003;50:289-294, and its three-dimensional form: Sameni R et al.
Multichannel ECG and noise modeling. EURASIP J Adv Signal Process 2007;043407. Here each wave has
a rising and a falling width, since T climbs slowly and falls fast.

Where a wave begins and ends
----------------------------
QRS: the first and the last moment at which any of the twelve leads is more than 20 µV (0.2 mm on
paper) off the baseline, of the QRS waves alone. P and T: where the tangents at the steepest
points meet the baseline, for a Gaussian two widths from its peak.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pedecg.simulation import torso
from pedecg.simulation.gaussian_waves import Waves
from pedecg.simulation.qrs import qrs as qrs_loop

# SD from the peak at which the tangent through a Gaussian's steepest point is 0.
TANGENT_WIDTHS = 2.0
# Of P's duration: half-width of each atrium's wave, what lies before and after them; and by what
# part the waves of a fully notched P are narrower.
_P_WIDTH, _P_EDGE, _P_NOTCH = 0.165, 0.03, 0.35
# Of the distance from QRS to the end of T: half-widths of T's fall and rise, and what they become
# in a fully symmetrical T.
_T_FALL, _T_RISE, _T_SYMMETRICAL = 0.115, 0.25, 0.165
# Hump on the rise of T: rising half-widths before its peak, half-width, and height as a part of T.
_HUMP_BEFORE, _HUMP_WIDTH, _HUMP_SIZE = 1.5, 0.05, 0.3


@dataclass(frozen=True)
class BeatShape:
    """One kind of beat.

    Attributes
    ----------
    p : waves of the atria, from P onset; None where there is no P.
    qrs : waves of the ventricles, from QRS onset.
    t : waves of repolarisation: ST, T and U, from the end of QRS; times are parts of the
        distance from there to the end of T, which changes with the rate.
    qrs_s, p_s : durations, seconds.
    p_peak_s, qrs_peak_s : peaks, seconds from the onsets.
    t_onset, t_peak : parts of the distance from the end of QRS to the end of T.
    """

    p: Waves
    qrs: Waves
    t: Waves
    p_s: float
    qrs_s: float
    p_peak_s: float
    qrs_peak_s: float
    t_onset: float
    t_peak: float
    measured: dict[str, float] = field(default_factory=dict)


def beat_shape(traits: dict[str, float], rng: np.random.Generator) -> BeatShape:
    """Build the beat of a child.

    Parameters
    ----------
    traits : see `traits.draw`.
    rng : the child's own: no two hearts have the same loop.
    """
    qrs, measured = qrs_loop(traits, rng)
    p = _p(traits, rng)
    t, t_onset, t_peak = _t(traits, rng)
    measured |= {"t_v1_mv": float(_extreme(t, "V1", t_peak)), "t_v6_mv": _extreme(t, "V6", t_peak)}
    return BeatShape(
        p=p,
        qrs=qrs,
        t=t,
        p_s=traits["p_ms"] / 1000,
        qrs_s=traits["qrs_ms"] / 1000,
        p_peak_s=p.peak_s(traits["p_ms"] / 1000),
        qrs_peak_s=qrs.peak_s(traits["qrs_ms"] / 1000),
        t_onset=t_onset,
        t_peak=t_peak,
        measured=measured,
    )


def wide_shape(traits: dict[str, float], rng: np.random.Generator) -> BeatShape:
    """Build a beat that starts in a ventricle: no P, wide QRS, T against it."""
    duration = (1.45 * traits["qrs_ms"] + rng.uniform(25, 45)) / 1000
    side = rng.choice([-1.0, 1.0])
    main = np.array([0.9 * side, rng.uniform(-1.2, 1.2), 0.8 * side]) * rng.uniform(1.0, 1.5)
    turn = main + rng.normal(0, 0.35, 3)
    dipoles = np.stack([0.35 * main, main, 0.75 * turn, -0.25 * turn])
    qrs = Waves(
        np.array([0.2, 0.4, 0.6, 0.85]),
        np.array([0.12, 0.12, 0.12, 0.1]),
        np.array([0.12, 0.12, 0.14, 0.1]),
        dipoles,
    ).stretched(duration)
    t, t_onset, t_peak = _repolarisation(np.zeros(3), -0.35 * main, np.zeros(3))
    still = Waves(np.zeros(1), np.ones(1), np.ones(1), np.zeros((1, 3)))
    peak = qrs.peak_s(duration)
    return BeatShape(still, qrs, t, 0.08, duration, 0.04, peak, t_onset, t_peak)


def _p(traits: dict[str, float], rng: np.random.Generator) -> Waves:
    """Return the P vector: right atrium (anterior, inferior), then left atrium (posterior)."""
    duration = traits["p_ms"] / 1000
    size, late = traits["p"], traits["la_mv"]
    tilt = rng.normal(0, 0.08, (3, 2))
    dipoles = torso.dipole_for(
        {
            "V1": np.array([0.35 * size, -0.25 * size - late]) + 0.4 * size * tilt[0],
            "V3": np.array([0.45 * size, 0.3 * size]),
            "I": np.array([0.25 * size, 0.4 * size + 0.5 * late]) + size * tilt[1],
            "aVF": np.array([0.7 * size, 0.5 * size]) + size * tilt[2],
        },
        {"V1": 1.0, "V3": 0.8, "I": 1.0, "aVF": 1.0},
    ).T
    wide = _two_humps(_P_WIDTH, duration, dipoles)
    if traits["p_notch"] <= 0:
        return wide
    notched = _two_humps(_P_WIDTH * (1 - _P_NOTCH * traits["p_notch"]), duration, dipoles)
    # Narrower humps overlap less: P in II keeps its height.
    time = np.arange(0, duration, 0.001)
    before, after = (
        torso.to_leads(waves.at(time))[torso.ROW["II"]].max() for waves in (wide, notched)
    )
    return notched.with_dipole(dipoles * before / after)


def _two_humps(width: float, duration_s: float, dipoles: NDArray[np.float64]) -> Waves:
    """Return right and left atrium, whose tangents meet the baseline at the ends of P."""
    width_s = np.full(2, width * duration_s)
    edge = _P_EDGE + TANGENT_WIDTHS * width
    return Waves(np.array([edge, 1 - edge]) * duration_s, width_s, width_s, dipoles)


def _t(traits: dict[str, float], rng: np.random.Generator) -> tuple[Waves, float, float]:
    """ST segment, T and U with the polarity in V1 and V6 that belongs to the age."""
    v1, v6, st = traits["t_v1_mv"], traits["t_v6"], traits["st_mv"]
    angle = np.deg2rad(traits["t_axis_deg"])
    down = abs(v6) * math.tan(np.clip(angle, -1.1, 1.1)) * np.sign(v6)
    wanted = {
        "V1": np.array([v1, -0.35 * st]),
        "V6": np.array([v6, st]),
        "aVF": np.array([0.75 * down, 0.8 * st]),
    }
    t_dipole, st_dipole = torso.dipole_for(wanted, {"V1": 1.0, "V6": 1.0, "aVF": 1.0}).T
    u_dipole = 0.7 * traits["u_mv"] * np.array([0.6, 0.8, -0.6])
    return _repolarisation(
        st_dipole, t_dipole, u_dipole, rng.uniform(0.9, 1.1), traits["t_symmetry"], traits["t_hump"]
    )


def _repolarisation(
    st: NDArray[np.float64],
    t: NDArray[np.float64],
    u: NDArray[np.float64],
    breadth: float = 1.0,
    symmetry: float = 0.0,
    hump: float = 0.0,
) -> tuple[Waves, float, float]:
    """Place ST, T and U between the end of QRS (0) and the end of T (1), U behind it.

    Parameters
    ----------
    symmetry, hump : 0 to 1, see `conditions`; T keeps its height and its end.
    """
    fall, rise = (
        (width + symmetry * (_T_SYMMETRICAL - width)) * breadth for width in (_T_FALL, _T_RISE)
    )
    peak = 1 - TANGENT_WIDTHS * fall
    centre = [0.22, peak, 1.28]
    rises, falls = [0.12, rise, 0.11], [0.22, fall, 0.11]
    dipoles = [st, t, u]
    if hump > 0:
        centre.append(peak - _HUMP_BEFORE * rise)
        rises.append(_HUMP_WIDTH)
        falls.append(_HUMP_WIDTH)
        dipoles.append(hump * _HUMP_SIZE * t)
    waves = Waves(np.array(centre), np.array(rises), np.array(falls), np.stack(dipoles))
    return waves, peak - TANGENT_WIDTHS * rise, peak


def _extreme(waves: Waves, lead: str, at: float) -> float:
    return float(torso.to_leads(waves.at(np.array([at])))[torso.ROW[lead], 0])
