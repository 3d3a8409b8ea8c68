"""One measured value, how far its beats spread, and whether it may be used."""

from dataclasses import dataclass

import numpy as np

# Largest spread over the beats at which a value still stands for them all: a part of its own,
# and a share of the value. Named measures first, then units. A PR that changes from beat to beat
# (Wenckebach, complete block) is no PR; noise that moves R by half of itself hides R.
LARGEST_SPREAD: dict[str, tuple[float, float]] = {
    "p_ms": (30.0, 0.0), "pr_ms": (16.0, 0.06), "qrs_ms": (15.0, 0.0),
    "p_consensus_ms": (30.0, 0.0), "pr_consensus_ms": (16.0, 0.06),
    "qrs_consensus_ms": (15.0, 0.0),
    "p_axis_deg": (60.0, 0.0), "t_axis_deg": (60.0, 0.0), "qrs_t_angle_deg": (60.0, 0.0),
    "mvms": (2.0, 0.5),
    "ms": (20.0, 0.1), "deg": (40.0, 0.0), "mv": (0.1, 0.4), "ratio": (0.5, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A value; NaN where it could not be taken.

    Attributes
    ----------
    spread : robust SD over the beats (1.4826 x MAD), in the value's unit; NaN where a measure is
        itself a spread or a share.
    valid : False where something else forbids its use.
    """

    value: float
    spread: float = np.nan
    valid: bool = True

    def usable(self, name: str) -> bool:
        """Return whether the value was taken, is not forbidden, and its spread is small enough."""
        if not (self.valid and np.isfinite(self.value)):
            return False
        unit = "ratio" if "_ratio_" in name else name.rsplit("_", 1)[-1]
        own, share = LARGEST_SPREAD.get(name) or LARGEST_SPREAD.get(unit, (np.inf, 0.0))
        return not self.spread > own + share * abs(self.value)
