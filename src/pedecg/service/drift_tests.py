"""Sequential tests for changed inputs and outcomes, with a guaranteed rate of false alarms.

Both tests are sums of the Shiryaev-Roberts kind. Let f_1, f_2, … be bets: numbers ≥ 0 whose
expected value, given the past, is at most 1 as long as nothing has changed. Then

    R_t = (1 + R_{t-1}) f_t,  R_0 = 0

sums the products f_s … f_t over every start s, each the evidence that a change came at s. Since
E[R_t | past] ≤ 1 + R_{t-1}, R_t - t is a supermartingale. Stopped at the first time T at which R
reaches c, or at t, it gives c P(T ≤ t) ≤ E[R_min(T,t)] ≤ E[min(T, t)] ≤ t:

    P(R reaches c within t ECGs) ≤ t / c.

A mean of several R with other bets keeps all of this. J quantities are watched at a time, each with
c = J N: the probability of any alarm within t ECGs is at most J t / (J N) = t / N, whatever the
dependence between the quantities. The tests start anew after a block of at most N ECGs, and an
alarm stands until then: in the long run at most one false alarm in N ECGs.

The bets of `InputTest` come from conformal p-values. Score t is ranked among the reference and all
scores before it, ties broken at random: if reference and stream are exchangeable (the same
hospital, patients and recorder), the p-values are independent and uniform, exactly and for a
reference of any size; any density on [0, 1] is then a bet. Here Beta densities that bet on more
small or more large values, on more extreme or more middle ones.
Vovk V et al. Algorithmic Learning in a Random World, 2nd ed., 2022, chapter 8.
Shin J, Ramdas A, Rinaldo A. E-detectors. New Engl J Stat Data Sci 2024;2:229-260.

The bets of `OutcomeTest` are likelihood ratios. Calibrated within a tolerance d means that the true
log odds lie within d of the predicted. The ratio of "log odds too low by d + e" to "too low by d"
has an expectation of at most 1 for every truth within the tolerance, since it grows with the
outcome; likewise for too high.
"""

import bisect
import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special

# Parameters (a, b) of the Beta densities: smaller and larger values, strong and weak, more extreme
# and more middle ones.
BETAS = ((0.5, 1.0), (1.0, 0.5), (2.0, 1.0), (1.0, 2.0), (0.6, 0.6), (2.0, 2.0))
# By how much the log odds are off beyond the tolerance, that is odds 1.6 and 2.7 times.
STEPS = (0.5, 1.0)
_LARGEST = 1e250  # a sum stays finite however long a change lasts


class _Sums:
    """Sums of the Shiryaev-Roberts kind, one for each of several bets."""

    def __init__(self, number: int) -> None:
        self._sums: NDArray[np.float64] = np.zeros(number)

    def add(self, bets: NDArray[np.float64]) -> float:
        """Return the mean of the sums after one more bet each."""
        self._sums = np.minimum((1 + self._sums) * bets, _LARGEST)
        return float(self._sums.mean())

    def clear(self) -> None:
        self._sums[:] = 0.0


class InputTest:
    """Evidence that one quantity no longer has the distribution of its reference."""

    def __init__(self, reference: Sequence[float], generator: Generator) -> None:
        """Start without any evidence.

        Parameters
        ----------
        reference : the quantity in ECGs of the hospital that the model is used for.
        """
        self._reference = sorted(reference)
        self._generator = generator
        a, b = np.array(BETAS).T
        self._powers = (a - 1, b - 1, special.betaln(a, b))
        self._sums = _Sums(len(BETAS))
        self.clear()

    def add(self, value: float) -> float:
        """Return the evidence, see the module, after one more ECG."""
        a, b, norm = self._powers
        p = self._p_value(value)
        return self._sums.add(np.exp(a * math.log(p) + b * math.log1p(-p) - norm))

    def clear(self) -> None:
        """Forget all but the reference."""
        self._seen = list(self._reference)
        self._sums.clear()

    def _p_value(self, value: float) -> float:
        below = bisect.bisect_left(self._seen, value)
        equal = bisect.bisect_right(self._seen, value) - below
        # Uniform in (0, 1]; a p of exactly 1 would be a density of 0 or infinity.
        share = 1.0 - float(self._generator.random())
        p = (below + share * (equal + 1)) / (len(self._seen) + 1)
        bisect.insort(self._seen, value)
        return min(p, math.nextafter(1.0, 0.0))


class OutcomeTest:
    """Evidence that probabilities are not calibrated within a tolerance."""

    def __init__(self, tolerance: float) -> None:
        """Start without any evidence; `tolerance` is in log odds, ≥ 0."""
        near = np.array([tolerance] * len(STEPS))
        far = near + np.array(STEPS)
        self._near = np.concatenate([near, -near])
        self._far = np.concatenate([far, -far])
        self._sums = _Sums(len(self._near))

    def add(self, probability: float, outcome: bool) -> float:
        """Return the evidence after one more outcome of a predicted probability."""
        return self._sums.add(np.exp(self._log_bets(probability, outcome)))

    def _log_bets(self, probability: float, outcome: bool) -> NDArray[np.float64]:
        logit = special.logit(np.clip(probability, 1e-9, 1 - 1e-9))
        sign = 1.0 if outcome else -1.0
        far, near = (special.log_expit(sign * (logit + off)) for off in (self._far, self._near))
        return np.asarray(far - near)

    def clear(self) -> None:
        """Forget all outcomes."""
        self._sums.clear()
