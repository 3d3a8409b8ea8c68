"""Measures that are not valid in a clipped lead: a clipped amplitude is a lower bound."""

from dataclasses import replace

from pedecg.core.records import LEADS
from pedecg.rules.axes import LIMB_FIELD
from pedecg.rules.measured_value import Reading
from pedecg.signals.clipping import Clipped

DERIVED = ("III", "aVR", "aVL", "aVF")  # recorders compute them from I and II
# Measures of one lead that a cut top, or a cut bottom, spoils.
HIGH = ("r_{}_mv", "r2_{}_mv", "rs_ratio_{}", "qr_ratio_{}", "r_peak_{}_ms", "p_{}_mv")
LOW = ("s_{}_mv", "q_{}_mv", "q_{}_ms", "rs_ratio_{}", "qr_ratio_{}")
# Measures of several leads: the leads whose top, and whose bottom, they need.
CHEST = tuple(lead for lead in LEADS if lead not in LIMB_FIELD)
LIMB = tuple(LIMB_FIELD)
OF_SEVERAL: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sv1_rv6_mv": (("V6",), ("V1",)),
    "qrs_axis_deg": (LIMB, LIMB),
    "qrs_t_angle_deg": (LIMB, LIMB),
    "qrs_limb_mv": (LIMB, LIMB),
    "qrs_precordial_mv": (CHEST, CHEST),
}


def marked(found: dict[str, Reading], clipped: Clipped) -> dict[str, Reading]:
    """Return the readings, those that a clipped lead spoils as not valid."""
    spoilt = spoilt_by(clipped)
    return {
        name: replace(reading, valid=False) if name in spoilt else reading
        for name, reading in found.items()
    }


def spoilt_by(clipped: Clipped) -> set[str]:
    """Return the measures that are not valid where these leads are clipped."""
    high, low = set(clipped.highest_mv), set(clipped.lowest_mv)
    if {"I", "II"} & (high | low):
        high |= set(DERIVED)
        low |= set(DERIVED)
    spoilt = {name.format(lead.lower()) for lead in high for name in HIGH}
    spoilt |= {name.format(lead.lower()) for lead in low for name in LOW}
    return spoilt | {
        name
        for name, (tops, bottoms) in OF_SEVERAL.items()
        if high & set(tops) or low & set(bottoms)
    }
