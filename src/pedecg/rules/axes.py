"""Mean electrical axes in the frontal plane, from whichever limb leads there are."""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from pedecg.core import elementary
from pedecg.rules.beats import FEWEST_BEATS, TO_SD, MedianBeat, Values
from pedecg.rules.measured_value import Reading

Angle = TypeVar("Angle", float, Values)

# What each limb lead sees of a frontal vector (x to the left, y to the feet) on the scale of lead
# I, by Einthoven's triangle and Goldberger's leads; any two of them give the vector.
_HALF, _HIGH = 0.5, np.sqrt(3.0) / 2.0
LIMB_FIELD = {
    "I": (1.0, 0.0),
    "II": (_HALF, _HIGH),
    "III": (-_HALF, _HIGH),
    "aVR": (-0.75, -_HIGH / 2),
    "aVL": (0.75, -_HIGH / 2),
    "aVF": (0.0, _HIGH),
}
MIN_AREA_MV_MS = {"p": 0.5, "qrs": 1.0, "t": 1.0}  # a smaller net area points nowhere
EARLY_S = 0.08  # johnsonfrancis.org, axis in bundle branch block: the first 80 ms of QRS
LEAST_NOISE_MV_MS = 0.2  # of a lead's area; keeps a very quiet lead from outweighing all others


def axes(beat: MedianBeat) -> dict[str, Reading]:
    """Return the axes of P, QRS and T, -180 to 180 degrees, and the frontal QRS-T angle.

    ``qrs_initial_axis_deg`` is the axis of the first 80 ms of QRS: in right bundle branch block
    the left ventricle, which has no delay, is activated by then.
    """
    found = {}
    for wave, part in (("p", beat.p), ("qrs", beat.qrs), ("t", beat.t)):
        if part is not None:
            found[f"{wave}_axis_deg"] = axis(beat, part, wave)
    early = slice(beat.qrs.start, min(beat.qrs.start + round(EARLY_S * beat.fs_hz), beat.qrs.stop))
    found["qrs_initial_axis_deg"] = axis(beat, early, "qrs")
    if "p_axis_deg" in found:  # a P on top of a T has no axis of its own
        found["p_axis_deg"] = replace(found["p_axis_deg"], valid=beat.p_alone)
    if "t_axis_deg" in found:
        qrs, t = found["qrs_axis_deg"], found["t_axis_deg"]
        angle = abs(turned(qrs.value - t.value))
        found["qrs_t_angle_deg"] = Reading(angle, float(np.hypot(qrs.spread, t.spread)))
    return found


def axis(beat: MedianBeat, part: slice, wave: str) -> Reading:
    """Return the direction of a wave's net area, by least squares over the limb leads.

    A lead is weighted by how little its area varies from beat to beat: a noisy one counts little
    next to quiet ones. P lies on a slope in fast hearts, so the line between its ends is taken off.
    NaN with fewer than two limb leads or where the net area is too small to point anywhere.
    """
    names = [lead for lead in LIMB_FIELD if lead in beat.median]
    if len(names) < 2:
        return Reading(np.nan)
    ms = 1000.0 / beat.fs_hz
    each = np.stack([ms * _area(beat.each[lead][:, part], wave) for lead in names])
    area = np.array([ms * float(_area(beat.median[lead][part], wave)) for lead in names])
    noise = TO_SD * np.median(np.abs(each - np.median(each, axis=1, keepdims=True)), axis=1)
    weight = np.square(1.0 / np.hypot(noise, LEAST_NOISE_MV_MS))
    field = np.array([LIMB_FIELD[lead] for lead in names])
    x, y = _vector(field, weight, area)
    if np.hypot(x, y) < MIN_AREA_MV_MS[wave]:
        return Reading(np.nan)
    value = float(elementary.angle_deg(x, y))
    to_left, to_feet = _vector(field, weight, each)
    beats = elementary.angle_deg(to_left, to_feet)
    away = np.abs(turned(beats - value))
    wide = TO_SD * float(np.median(away)) if len(away) >= FEWEST_BEATS else np.nan
    return Reading(value, wide)


def _vector(field: Values, weight: Values, area: Values) -> tuple[Values, Values]:
    """Solve the normal equations for the two coordinates of a vector, element by element.

    Parameters
    ----------
    field : shape (n_leads, 2), what each lead sees of x and y.
    weight : shape (n_leads,), of the squared misfit of each lead.
    area : shape (n_leads,) or (n_leads, n_beats), mV ms.
    """
    x, y = field.T
    xx, xy, yy = ((weight * product).sum() for product in (x * x, x * y, y * y))
    seen_x, seen_y = ((weight * side * area.T).sum(axis=-1) for side in (x, y))
    whole = xx * yy - xy * xy
    return (yy * seen_x - xy * seen_y) / whole, (xx * seen_y - xy * seen_x) / whole


def turned(degrees: Angle) -> Angle:
    """Return the same angle between -180 and 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0


def _area(wave_mv: Values, wave: str) -> Values:
    if wave != "p":
        return np.asarray(wave_mv.sum(axis=-1))
    ends = (wave_mv[..., 0] + wave_mv[..., -1]) / 2
    return np.asarray(wave_mv.sum(axis=-1) - ends * wave_mv.shape[-1])
