"""DeLong variance of AUROCs and of their differences, clustered by patient.

DeLong ER et al. Biometrics 1988;44:837-845, computed by ranks as Sun X, Xu W. IEEE Signal Process
Lett 2014;21:1389-1393. Several records of one patient are one cluster: Obuchowski NA. Biometrics
1997;53:567-578, which is DeLong's variance where every patient has one record.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Areas:
    """AUROCs of several models on the same records.

    Attributes
    ----------
    values : shape (n_models,).
    covariance : shape (n_models, n_models).
    """

    values: Floats
    covariance: Floats

    def p_value(self, first: int, second: int) -> float:
        """Return the two-sided p of no difference between two of the models."""
        difference = float(self.values[first] - self.values[second])
        c = self.covariance
        variance = float(c[first, first] + c[second, second] - 2 * c[first, second])
        if variance <= 1e-15:
            return 1.0 if abs(difference) < 1e-12 else float("nan")
        return float(2 * special.ndtr(-abs(difference) / np.sqrt(variance)))


def areas(y: Floats, p: Floats, patients: NDArray[np.int64]) -> Areas:
    """Return the AUROCs of all models with their covariance.

    Parameters
    ----------
    y : shape (n,), 1, 0 or NaN where not known; those are left out. Both classes present.
    p : shape (n_models, n), probabilities.
    patients : shape (n,), whose records they are.
    """
    known = ~np.isnan(y)
    y, p, patients = y[known], p[:, known], patients[known]
    ill, well = y == 1, y == 0
    m, n = int(ill.sum()), int(well.sum())

    # Of each positive, the share of negatives below it; of each negative, of positives above it.
    everywhere = stats.rankdata(p, axis=1)
    above = (everywhere[:, ill] - stats.rankdata(p[:, ill], axis=1)) / n
    below = 1 - (everywhere[:, well] - stats.rankdata(p[:, well], axis=1)) / m
    values = above.mean(axis=1)

    place = np.unique(patients, return_inverse=True)[1]
    of_ill = _by_patient(above - values[:, None], place[ill], place.max() + 1)
    of_well = _by_patient(below - values[:, None], place[well], place.max() + 1)
    n_ill, n_well = len(np.unique(place[ill])), len(np.unique(place[well]))
    n_all = int(place.max()) + 1
    spread_ill = _per(n_ill) * (of_ill @ of_ill.T) / m**2
    spread_well = _per(n_well) * (of_well @ of_well.T) / n**2
    shared = _per(n_all) * (of_ill @ of_well.T) / (m * n)
    return Areas(values, spread_ill + spread_well + shared + shared.T)


def _by_patient(deviations: Floats, place: NDArray[np.int64], patients: int) -> Floats:
    """Sum each patient's deviations, shape (n_models, n_patients)."""
    return np.array([np.bincount(place, weights=row, minlength=patients) for row in deviations])


def _per(clusters: int) -> float:
    return clusters / (clusters - 1) if clusters > 1 else float("nan")
