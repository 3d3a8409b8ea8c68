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

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pedecg.simulation import torso

QRS_THRESHOLD_MV = 0.02
TANGENT_WIDTHS = 2.0

# The stages of a QRS complex: time and width as parts of its duration.
_SEPTUM, _EARLY, _MAIN, _BASE, _LATE, _DELTA = range(6)
_TIME = np.array([0.16, 0.34, 0.51, 0.70, 0.94, 0.10])
_WIDTH = np.array([0.075, 0.085, 0.09, 0.085, 0.13, 0.19])
_FRONTAL = {"V1": 1.0, "V6": 1.0, "I": 0.5, "aVF": 1.0}
_FIT_ROUNDS = 4
_FINE_HZ = 1000.0


@dataclass(frozen=True)
class Waves:
    """Gaussian waves of one kind (P, QRS or T).

    Attributes
    ----------
    centre_s, rise_s, fall_s : shape (n_waves,), seconds; the centre from the kind's own origin.
    dipole_mv : shape (n_waves, 3).
    """

    centre_s: NDArray[np.float64]
    rise_s: NDArray[np.float64]
    fall_s: NDArray[np.float64]
    dipole_mv: NDArray[np.float64]

    def at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the dipole at the given times, shape (3, n)."""
        away = time_s[None, :] - self.centre_s[:, None]
        width = np.where(away < 0, self.rise_s[:, None], self.fall_s[:, None])
        return self.dipole_mv.T @ np.exp(-0.5 * np.square(away / width))

    def with_dipole(self, dipole_mv: NDArray[np.float64]) -> "Waves":
        """Return the same waves in other directions and sizes."""
        return Waves(self.centre_s, self.rise_s, self.fall_s, dipole_mv)


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
    qrs, measured = _qrs(traits, rng)
    p = _p(traits, rng)
    t, t_onset, t_peak = _t(traits, rng)
    measured |= {"t_v1_mv": float(_extreme(t, "V1", t_peak)), "t_v6_mv": _extreme(t, "V6", t_peak)}
    return BeatShape(
        p=p,
        qrs=qrs,
        t=t,
        p_s=traits["p_ms"] / 1000,
        qrs_s=traits["qrs_ms"] / 1000,
        p_peak_s=_peak(p, traits["p_ms"] / 1000),
        qrs_peak_s=_peak(qrs, traits["qrs_ms"] / 1000),
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
    qrs = _stretched(
        Waves(
            np.array([0.2, 0.4, 0.6, 0.85]),
            np.array([0.12, 0.12, 0.12, 0.1]),
            np.array([0.12, 0.12, 0.14, 0.1]),
            dipoles,
        ),
        duration,
    )
    t, t_onset, t_peak = _repolarisation(np.zeros(3), -0.35 * main, np.zeros(3))
    still = Waves(np.zeros(1), np.ones(1), np.ones(1), np.zeros((1, 3)))
    peak = _peak(qrs, duration)
    return BeatShape(still, qrs, t, 0.08, duration, 0.04, peak, t_onset, t_peak)


def _qrs(traits: dict[str, float], rng: np.random.Generator) -> tuple[Waves, dict[str, float]]:
    """Fit the dipoles of the QRS stages to the wanted R and S of V1 and V6 and the frontal axis."""
    lbbb = traits["lbbb"]
    stages = [_SEPTUM, _EARLY, _MAIN, _BASE]
    stages += [_LATE] if traits["late_mv"] > 0.05 else []
    stages += [_DELTA] if traits["delta"] > 0.05 else []
    time = _TIME[stages] + rng.normal(0, 0.012, len(stages))
    width = _WIDTH[stages] * (1 + 0.45 * lbbb) * rng.lognormal(0, 0.05, len(stages))
    waves = Waves(time, width, width, np.zeros((len(stages), 3)))
    overlap = np.exp(-0.5 * np.square((time[:, None] - time[None, :]) / width[None, :]))
    wobble = rng.normal(0, 1, (3, len(stages)))

    wanted = {key: traits[key] for key in ("r_v1", "s_v1", "r_v6", "s_v6")}
    asked = dict(wanted)
    axis = traits["axis_deg"]
    for _ in range(_FIT_ROUNDS):
        targets = _stage_targets(traits | asked, wobble)
        wish = {lead: voltage[stages] for lead, voltage in targets.items()}
        at_stage = torso.dipole_for(wish, _FRONTAL)
        waves = waves.with_dipole(np.linalg.solve(overlap, at_stage.T))
        waves = _turned_to(waves, axis)
        found = _amplitudes(waves)
        for key, want in wanted.items():
            step = (want + 0.05) / (found[key] + 0.05)
            asked[key] = float(np.clip(asked[key] * step**0.7, 0, 3 * want + 0.1))

    notches = _notches(waves, rng, 0.05 + 0.15 * lbbb)
    waves = _turned_to(notches, axis)
    waves = waves.with_dipole(waves.dipole_mv * traits["voltage"])
    waves = _stretched(waves, traits["qrs_ms"] / 1000)
    return waves, _amplitudes(waves)


def _stage_targets(
    traits: dict[str, float], wobble: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Say what V1, V6, I and aVF should show at each of the six stages, shape (6,), mV.

    With a dominant right ventricle (newborn, or a disease that loads it) the loop goes to the
    front and right; with a dominant left one it goes left and back.
    """
    r1, s1, r6, s6 = (traits[key] for key in ("r_v1", "s_v1", "r_v6", "s_v6"))
    right = float(np.clip((r1 / (r1 + s1 + 0.01) - 0.3) / 0.5, 0, 1))
    left = 1 - right
    block = traits["lbbb"]
    v1 = np.array([
        0.25 * r1 * (1 - block), r1 * (1 - 1.1 * block),
        0.35 * right * r1 - left * s1, -right * s1 - 0.35 * left * s1,
        traits["late_mv"], -0.12 * traits["delta"],
    ])  # fmt: skip
    v6 = np.array([
        -traits["q_v6"] * (1 - block), (right + 0.45 * left) * r6,
        left * r6 + right * (0.25 * r6 - 0.4 * s6), -s6 + 0.6 * block * r6,
        -0.5 * traits["late_mv"], 0.35 * traits["delta"],
    ])  # fmt: skip
    size = 0.35 + 0.35 * r6 + 0.2 * r1
    part = np.array([0.10, 0.5, 1.0, 0.22 + 0.35 * right, 0.25 * traits["late_mv"], 0.0])
    part[_DELTA] = 0.3 * traits["delta"]
    turn = np.array([165.0, -15 - 35 * right, 0.0, 105 - 40 * right, 125.0, 0.0])
    jitter = np.zeros(6)
    jitter[: wobble.shape[1]] = 12 * wobble[0]
    angle = np.deg2rad(traits["axis_deg"] + turn + jitter)
    return {
        "V1": v1,
        "V6": v6,
        "I": size * part * np.cos(angle),
        "aVF": size * part * np.sin(angle) * np.sqrt(3) / 2,
    }


def _turned_to(waves: Waves, axis_deg: float) -> Waves:
    """Turn the loop about the front-back axis until the frontal QRS axis is the wanted one."""
    for _ in range(3):
        turn = np.deg2rad(axis_deg - _amplitudes(waves)["axis_deg"])
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        waves = waves.with_dipole(waves.dipole_mv @ rotation.T)
    return waves


def _amplitudes(waves: Waves) -> dict[str, float]:
    """Measure R and S in V1 and V6, Q in V6 and the axis (of the areas) as a reader would."""
    reach = 4 * waves.fall_s.max()
    time = np.linspace(waves.centre_s.min() - reach, waves.centre_s.max() + reach, 240)
    leads = torso.to_leads(waves.at(time))
    v1, v6 = leads[torso.ROW["V1"]], leads[torso.ROW["V6"]]
    before_r = v6[: int(np.argmax(v6)) + 1]
    after_r = v6[int(np.argmax(v6)) :]
    area = leads[[torso.ROW["I"], torso.ROW["aVF"]]].sum(axis=1)
    return {
        "r_v1": max(0.0, float(v1.max())),
        "s_v1": max(0.0, float(-v1.min())),
        "r_v6": max(0.0, float(v6.max())),
        "s_v6": max(0.0, float(-after_r.min())),
        "q_v6": max(0.0, float(-before_r.min())),
        "axis_deg": float(np.rad2deg(np.arctan2(area[1] * 2 / np.sqrt(3), area[0]))),
    }


def _notches(waves: Waves, rng: np.random.Generator, size: float) -> Waves:
    """Add three small narrow waves: real complexes are slurred and notched."""
    largest = np.linalg.norm(waves.dipole_mv, axis=1).max()
    centre = rng.uniform(0.3, 0.85, 3)
    width = np.full(3, 0.045)
    dipole = rng.normal(0, size * largest, (3, 3))
    return Waves(
        np.concatenate([waves.centre_s, centre]),
        np.concatenate([waves.rise_s, width]),
        np.concatenate([waves.fall_s, width]),
        np.concatenate([waves.dipole_mv, dipole]),
    )


def _stretched(waves: Waves, duration_s: float) -> Waves:
    """Scale time so that the QRS lasts as long as wanted by the 20 µV rule, and starts at 0."""
    reach = 4 * waves.fall_s.max()
    time = np.linspace(waves.centre_s.min() - reach, waves.centre_s.max() + reach, 2000)
    seen = (np.abs(torso.to_leads(waves.at(time))) > QRS_THRESHOLD_MV).any(axis=0)
    first, last = time[seen][[0, -1]] if seen.any() else time[[0, -1]]
    scale = duration_s / (last - first)
    return Waves(
        (waves.centre_s - first) * scale, waves.rise_s * scale, waves.fall_s * scale,
        waves.dipole_mv,
    )  # fmt: skip


def _p(traits: dict[str, float], rng: np.random.Generator) -> Waves:
    """The right atrium first, to the front and down; the left atrium after it, to the back."""
    duration = traits["p_ms"] / 1000
    size, late = traits["p"], traits["la_mv"]
    tilt = rng.normal(0, 0.08, (3, 2))
    dipoles = torso.dipole_for(
        {
            "V1": np.array([0.45 * size, -0.3 * size - late]) + 0.4 * size * tilt[0],
            "I": np.array([0.3 * size, 0.45 * size + 0.5 * late]) + size * tilt[1],
            "aVF": np.array([0.75 * size, 0.55 * size]) + size * tilt[2],
        },
        {"V1": 1.0, "I": 1.0, "aVF": 1.0},
    ).T
    width = np.full(2, 0.165 * duration)
    centre = np.array([0.36, 0.64]) * duration
    return Waves(centre, width, width, dipoles)


def _t(traits: dict[str, float], rng: np.random.Generator) -> tuple[Waves, float, float]:
    """ST segment, T and U with the polarity in V1 and V6 that belongs to the age."""
    v1, v6, st = traits["t_v1_mv"], traits["t_v6"], traits["st_mv"]
    angle = np.deg2rad(traits["t_axis_deg"])
    down = abs(v6) * np.tan(np.clip(angle, -1.1, 1.1)) * np.sign(v6)
    wanted = {
        "V1": np.array([v1, -0.35 * st]),
        "V6": np.array([v6, st]),
        "aVF": np.array([0.75 * down, 0.8 * st]),
    }
    t_dipole, st_dipole = torso.dipole_for(wanted, {"V1": 1.0, "V6": 1.0, "aVF": 1.0}).T
    u_dipole = 0.7 * traits["u_mv"] * np.array([0.6, 0.8, -0.6])
    return _repolarisation(st_dipole, t_dipole, u_dipole, rng.uniform(0.9, 1.1))


def _repolarisation(
    st: NDArray[np.float64],
    t: NDArray[np.float64],
    u: NDArray[np.float64],
    breadth: float = 1.0,
) -> tuple[Waves, float, float]:
    """Place ST, T and U between the end of QRS (0) and the end of T (1), U behind it."""
    fall, rise = 0.125 * breadth, 0.21 * breadth
    peak = 1 - TANGENT_WIDTHS * fall
    centre = np.array([0.22, peak, 1.28])
    waves = Waves(
        centre, np.array([0.12, rise, 0.11]), np.array([0.22, fall, 0.11]), np.stack([st, t, u])
    )
    return waves, peak - TANGENT_WIDTHS * rise, peak


def _peak(waves: Waves, duration_s: float) -> float:
    """Return when the dipole is largest, seconds from the onset."""
    time = np.arange(0, duration_s, 1 / _FINE_HZ)
    return float(time[np.argmax(np.linalg.norm(waves.at(time), axis=0))])


def _extreme(waves: Waves, lead: str, at: float) -> float:
    return float(torso.to_leads(waves.at(np.array([at])))[torso.ROW[lead], 0])
