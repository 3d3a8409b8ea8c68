"""Gaussian waves of a dipole: the one building block of every beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.simulation import torso

# QRS is where a lead exceeds it: less does not stand out of a recorder's noise.
QRS_THRESHOLD_MV = 0.02


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

    def shapes(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each wave at the given times without its size, shape (n_waves, n)."""
        away = time_s[None, :] - self.centre_s[:, None]
        width = np.where(away < 0, self.rise_s[:, None], self.fall_s[:, None])
        return elementary.exp(-0.5 * np.square(away / width))

    def at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the dipole at the given times, shape (3, n)."""
        return elementary.product(self.dipole_mv.T, self.shapes(time_s))

    def with_dipole(self, dipole_mv: NDArray[np.float64]) -> "Waves":
        """Return the same waves in other directions and sizes.

        Parameters
        ----------
        dipole_mv : shape (n_waves, 3), mV along x, y and z.
        """
        return Waves(self.centre_s, self.rise_s, self.fall_s, dipole_mv)

    def grid(self, n: int) -> NDArray[np.float64]:
        """Return `n` times that hold the waves entirely.

        Returns
        -------
        Shape (n,), s.
        """
        reach = 4 * max(self.rise_s.max(), self.fall_s.max())
        return np.linspace(self.centre_s.min() - reach, self.centre_s.max() + reach, n)

    def stretched(self, duration_s: float) -> "Waves":
        """Scale time so that the waves are seen for as long as wanted, from 0 on.

        Seen means: in any of the twelve leads more than 20 µV off the baseline.
        """
        time = self.grid(2000)
        seen = (np.abs(torso.to_leads(self.at(time))) > QRS_THRESHOLD_MV).any(axis=0)
        first, last = time[seen][[0, -1]] if seen.any() else time[[0, -1]]
        scale = duration_s / (last - first)
        centre = (self.centre_s - first) * scale
        return Waves(centre, self.rise_s * scale, self.fall_s * scale, self.dipole_mv)

    def peak_s(self, duration_s: float) -> float:
        """Return when the dipole is largest between 0 and a duration, to a millisecond."""
        time = np.arange(0, duration_s, 0.001)
        return float(time[np.argmax(elementary.norm(self.at(time), axis=0))])
