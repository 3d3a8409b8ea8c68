"""Electrode misplacement: reversal of the arms, of right arm and leg, of V1 and V3, and others.

Twelve leads are redundant. Leads I and II as predicted from the precordial leads for P, QRS and T,
by fixed weights, are compared with the recorded leads I and II; a logistic model then selects the
placement that explains the record best. After Kors JA, van Herpen G.
Am J Cardiol 2001;88:396-399, who compare each lead with its reconstruction from the others. The
weights, and by age the odds above which a placement is suspected (99% specificity), are in
``electrode_placement.json``; ``scripts/fit_electrode_placement.py`` fits and tests them, and
``docs/electrode_placement.md`` has the figures.

A reversal of left arm and leg changes too little to be detected.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from pedecg.core import elementary
from pedecg.signals import filters

Values = NDArray[np.float64]

WEIGHTS = Path(__file__).with_suffix(".json")
CHESTS = (("V1", "V2", "V3", "V4", "V5", "V6"), ("V1", "V3", "V5"))  # the first that is complete
LIMB = ("I", "II")  # the other four follow from these

POINTS = 12  # of each of P, QRS and T
FEWEST_BEATS = 3  # fewer make no typical beat
_BAND_HZ = (0.5, 40.0)  # P, QRS and T without baseline wander and most muscle noise
_QRS_BAND_HZ = (5.0, 30.0)  # where the QRS has most of its power, and P and T little
_SMALLEST_MV = 0.02  # added to a size that is divided by: noise has no direction
_SEGMENTS = 3  # P, QRS, T

NORMAL = "normal"


@dataclass(frozen=True)
class Suspicion:
    """Another placement that explains a record better than the right one.

    Attributes
    ----------
    name : arms, right_arm_leg, inverted, dextrocardia or v1_v3.
    log_odds : against the right placement.
    """

    name: str
    log_odds: float


IN_WORDS = {
    "arms": "suspected right/left arm electrode reversal, or dextrocardia",
    "right_arm_leg": "suspected right arm/left leg electrode reversal",
    "inverted": "suspected inversion of all leads",
    "dextrocardia": "suspected dextrocardia",
    "v1_v3": "suspected V1/V3 electrode reversal",
}


def suspected(odds: Mapping[str, float], age_days: float | None) -> list[Suspicion]:
    """Return the placements that the log odds of a record make suspect at an age."""
    limits = limits_at(age_days)
    limb = [name for name in odds if name != "v1_v3"]
    likeliest = max(limb, key=lambda name: odds[name], default=None)
    if likeliest is not None and odds[likeliest] > limits[likeliest]:
        return [Suspicion(likeliest, odds[likeliest])]
    # V1 and V3 are judged by the limb leads: where these are wrong, nothing is known of them.
    if "v1_v3" in odds and odds["v1_v3"] > limits["v1_v3"]:
        return [Suspicion("v1_v3", odds["v1_v3"])]
    return []


def limits_at(age_days: float | None) -> dict[str, float]:
    """Return the log odds from which each placement is suspect at an age."""
    rows = _weights()["limits"]
    if age_days is None or np.isnan(age_days):
        return {name: max(row["odds"][name] for row in rows) for name in IN_WORDS}
    fitting = [row for row in rows if row["from_days"] <= age_days]
    return dict(max(fitting, key=lambda row: row["from_days"])["odds"])


def log_odds(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float, leads: tuple[str, ...]
) -> dict[str, float]:
    """Return the log odds of each other placement; empty where the record cannot tell.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV, usable leads only, finite.
    leads : canonical names of the rows. I, II, V1, V3 and V5 are needed.
    """
    chest = chest_of(leads)
    if chest is None:
        return {}
    wanted = (*LIMB, *chest)
    beat = median_beat(np.asarray(signal_mv)[[leads.index(lead) for lead in wanted]], fs_hz)
    return {} if beat is None else judged(dict(zip(wanted, beat, strict=True)), chest)


def chest_of(leads: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the set of precordial leads of a record, None where it has too few leads."""
    for chest in CHESTS:
        if {*LIMB, *chest} <= set(leads):
            return chest
    return None


def judged(beat: Mapping[str, Values], chest: tuple[str, ...]) -> dict[str, float]:
    """Return the log odds of a median beat, lead -> shape (3, POINTS)."""
    weights = _weights()[str(len(chest))]
    limb = _affine(limb_features(beat, chest, np.array(weights["predict"])), weights["limb"])
    odds = {name: value - limb[NORMAL] for name, value in limb.items() if name != NORMAL}
    return odds | _affine(chest_features(beat, chest), {"v1_v3": weights["v1_v3"]})


def _affine(features: Values, weights: Mapping[str, list[float]]) -> dict[str, float]:
    return {
        name: float((features * np.array(row[:-1])).sum()) + row[-1]
        for name, row in weights.items()
    }


def limb_features(beat: Mapping[str, Values], chest: tuple[str, ...], predict: Values) -> Values:
    """Return how leads I and II agree with their prediction from V1 to V6, for P, QRS and T.

    Parameters
    ----------
    predict : shape (3, n_chest, 2), for each segment the weights that give I and II.
    """
    features = []
    for segment in range(_SEGMENTS):
        one, two = (beat[lead][segment] for lead in LIMB)
        waves = np.stack([beat[lead][segment] for lead in chest])
        own_one, own_two = elementary.product(np.ascontiguousarray(predict[segment].T), waves)
        size = _size(one, two, two - one)
        expected = _size(own_one, own_two)
        features += [
            (first * second).mean() / size / expected
            for first, second in ((one, own_one), (two, own_two), (two, own_one), (one, own_two))
        ]
        features += [one.mean() / size, two.mean() / size]
        first, last = beat[chest[0]][segment], beat[chest[-1]][segment]
        whole = _size(one, two, *waves)
        features += [last.mean() / whole, first.mean() / whole, _size(last) / whole]
    return np.array(features)


def chest_features(beat: Mapping[str, Values], chest: tuple[str, ...]) -> Values:
    """Return by how much V1 is more like the other leads than V3 is, for P, QRS and T.

    Parameters
    ----------
    beat : lead -> one array of samples, shape (n,), for each segment.

    Returns
    -------
    Shape (n_features,).
    """
    others = (*LIMB, *(lead for lead in chest if lead not in ("V1", "V3")))
    features = []
    for segment in range(_SEGMENTS):
        first, third = beat["V1"][segment], beat["V3"][segment]
        size = _size(first, third)
        for lead in others:
            other = beat[lead][segment]
            features.append(((first - third) * other).mean() / size / _size(other))
        features += [
            (first - third).mean() / size,
            (first.max() - third.max()) / size,
            (first.min() - third.min()) / size,
        ]
    return np.array(features)


def _size(*waves: Values) -> float:
    return float(np.sqrt(np.mean([np.square(wave).mean() for wave in waves]))) + _SMALLEST_MV


def median_beat(signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> Values | None:
    """Return the median beat of each lead, shape (n_leads, 3, POINTS), mV; None without beats.

    Its P, QRS and T are segments before, around and after R, shorter in a fast heart: where a
    wave begins and ends need not be known. Zero is the level just before QRS.
    """
    if signal_mv.shape[1] < 2 * fs_hz:
        return None
    signal = filters.band_pass(np.nan_to_num(signal_mv), fs_hz, *_BAND_HZ, order=2)
    r = _r_peaks(signal, fs_hz)
    if len(r) < FEWEST_BEATS:
        return None
    rr = float(np.median(np.diff(r))) / fs_hz
    stretches = ((-min(0.24, 0.42 * rr), -0.06), (-0.05, 0.06), (0.09, min(0.42, 0.55 * rr)))
    times = np.concatenate([np.linspace(start, end, POINTS) for start, end in stretches])
    samples = r[:, None] + np.rint(times * fs_hz).astype(np.int64)
    inside = (samples.min(axis=1) >= 0) & (samples.max(axis=1) < signal.shape[1])
    if inside.sum() < FEWEST_BEATS:
        return None
    beat = elementary.median(signal[:, samples[inside]], axis=1)
    beat = beat.reshape(len(signal), _SEGMENTS, POINTS)
    return np.asarray(beat - beat[:, :1, -2:].mean(axis=2, keepdims=True))


def _r_peaks(signal: Values, fs_hz: float) -> NDArray[np.int64]:
    """Return where all leads together are steepest, beat by beat; a rough place is enough."""
    low, high = _QRS_BAND_HZ
    band = filters.butterworth(2, (low, min(high, 0.4 * fs_hz)), "bandpass", fs_hz)
    steep = np.abs(np.gradient(filters.zero_phase(band, signal), axis=1))
    usual = np.percentile(steep, 98, axis=1, keepdims=True)
    together = np.minimum(steep / np.maximum(usual, 1e-9), 2.0).mean(axis=0)
    together = uniform_filter1d(together, max(1, round(0.06 * fs_hz)))
    seconds = np.array_split(together, max(1, len(together) // round(fs_hz)))
    highest = np.array([second.max() for second in seconds])
    usual_height, tall = np.percentile(highest, [50, 90])
    # In a long pause most seconds hold no beat, and their median is the height of noise.
    height = 0.45 * float(usual_height if usual_height > 0.5 * tall else tall)
    peaks: NDArray[np.int64] = find_peaks(
        together, height=height, distance=max(1, round(0.2 * fs_hz))
    )[0]
    return peaks


@lru_cache(maxsize=1)
def _weights() -> dict[str, Any]:
    """Return the weights by the number of precordial leads, and ``limits`` by age."""
    read: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return read
