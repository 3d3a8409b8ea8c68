"""Cases sorted by decreasing probability, with ties grouped.

Records of equal probability share a step, and so do negatives in a row: what lies between two
positives matters only by its sum. Under a thousand resamples, one sparse product then does the
work over records, and the rest is arithmetic on steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Ordered:
    """Cases in order of falling probability.

    Attributes
    ----------
    y, p : shape (n,), labels 0 or 1 and probabilities.
    rows : shape (n,), the row of the weights that each case has.
    starts : shape (n_steps,), where each step begins, ascending from 0.
    """

    y: Floats
    p: Floats
    rows: Places
    starts: Places

    def sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return how often the records, and the positives, of each step count.

        Parameters
        ----------
        weights : shape (any, n_weightings), how often each row counts.

        Returns
        -------
        Two of shape (n_steps, n_weightings).
        """
        ill = np.flatnonzero(self.y)
        ends = np.append(np.searchsorted(ill, self.starts), len(ill))
        all_ends = np.append(self.starts, len(self.y))
        return (
            _sum(np.ones(len(self.y)), self.rows, all_ends, weights),
            _sum(np.ones(len(ill)), self.rows[ill], ends, weights),
        )

    def totals(self, values: Floats, starts: Places, weights: Floats) -> Floats:
        """Return weighted sums of a value over segments of cases, (n_starts, n_weightings)."""
        return _sum(values, self.rows, np.append(starts, len(self.y)), weights)

    def step_of(self, starts: Places) -> Places:
        """Return which step begins at each of these places; n_steps for the very end.

        Parameters
        ----------
        starts : shape (n,), positions.

        Returns
        -------
        Shape (n,).
        """
        return np.searchsorted(self.starts, starts)


def order(y: Floats, p: Floats, rows: Places, more_starts: Sequence[Places] = ()) -> Ordered:
    """Put known cases in order.

    Parameters
    ----------
    y : shape (n,), 1, 0 or NaN where not known; those are left out.
    more_starts : places in the order at which a step must begin; they are moved back to the
        first record of an equal probability.
    """
    known = np.flatnonzero(~np.isnan(y))
    falling = known[np.argsort(-p[known], kind="stable")]
    y, p, rows = y[falling], p[falling], rows[falling]
    ties = first_of_ties(p)
    positive = np.add.reduceat(y, ties) > 0
    starts = [ties[positive | np.append(True, positive[:-1])]]
    starts += [snapped(places, ties) for places in more_starts]
    return Ordered(y, p, rows, np.unique(np.concatenate(starts)))


def first_of_ties(p: Floats) -> Places:
    """Return where each distinct value begins in sorted values.

    Parameters
    ----------
    p : shape (n,), sorted.

    Returns
    -------
    Shape (n_distinct,), positions.
    """
    return np.append(0, np.flatnonzero(np.diff(p)) + 1).astype(np.int64)


def snapped(places: Places, ties: Places) -> Places:
    """Move places back to the beginning of their tie.

    Parameters
    ----------
    places : shape (n,), positions.
    ties : shape (n_distinct,), as `first_of_ties` returns it.

    Returns
    -------
    Shape (n,).
    """
    return ties[np.searchsorted(ties, places, side="right") - 1]


def _sum(values: Floats, rows: Places, ends: Places, weights: Floats) -> Floats:
    shape = (len(ends) - 1, len(weights))
    return np.asarray(sparse.csr_array((values, rows, ends), shape=shape) @ weights)
