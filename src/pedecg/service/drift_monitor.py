"""Drift of what the service sees: quantities against their reference, outcomes against predictions.

What is kept of an ECG are a few numbers, under a random name, so that an outcome can be reported
later; nothing says whose they are.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from pedecg.service import drift_reference
from pedecg.service.drift_reference import FLAGGED, PROBABILITY, Reference
from pedecg.service.drift_tests import InputTest, OutcomeTest

# ECGs; then the tests start anew. It bounds memory, and how long an alarm stands.
BLOCK = 10_000
KEPT = 10_000  # predictions that wait for an outcome; the oldest is forgotten
BINS = 10  # of a probability's histogram
OUTCOME = "calibration_"


class DriftMonitor:
    """Watches answered ECGs and reported outcomes."""

    def __init__(self, reference: Reference | None, alarm_once_in: int, seed: int) -> None:
        """Start with a reference; without one, outcomes and counts alone are watched.

        Parameters
        ----------
        alarm_once_in : ECGs in which there is at most one false alarm in the long run.
        seed : of the random order of equal values.
        """
        self._reference = reference
        self._once_in = alarm_once_in
        generator = np.random.default_rng(seed)
        values = {} if reference is None else reference.values
        tolerance = {} if reference is None else reference.tolerance
        self._inputs = {name: InputTest(known, generator) for name, known in values.items()}
        self._outcomes = {
            f"{OUTCOME}{target}": OutcomeTest(allowed) for target, allowed in tolerance.items()
        }
        self._threshold = float(alarm_once_in * max(1, len(self._inputs) + len(self._outcomes)))
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Mapping[str, float]] = OrderedDict()
        self._outcome_counts: Counter[str] = Counter()
        self._histograms: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()
        self.ecgs = 0
        self._in_block = 0
        self._clear()

    def add(
        self,
        name: str,
        probabilities: Mapping[str, float],
        flags: int,
        quality: Mapping[str, float],
    ) -> list[str]:
        """Take one answered ECG; returns the quantities whose alarm begins with it."""
        with self._lock:
            self.ecgs += 1
            self._in_block += 1
            if self._in_block > BLOCK:
                self._clear()
                self._in_block = 1
            self._waiting[name] = dict(probabilities)
            while len(self._waiting) > KEPT:
                self._waiting.popitem(last=False)
            for target, p in probabilities.items():
                bins = self._histograms.setdefault(target, [0] * BINS)
                bins[min(int(p * BINS), BINS - 1)] += 1
                self._sums[target] += p  # type: ignore[assignment]  # a Counter of floats
            self._sums[FLAGGED] += int(flags > 0)
            seen = drift_reference.quantities(probabilities, flags, quality)
            evidence = {
                quantity: test.add(seen[quantity])
                for quantity, test in self._inputs.items()
                if quantity in seen
            }
            return self._judged(evidence)

    def outcome(self, name: str, outcomes: Mapping[str, bool]) -> list[str] | None:
        """Take what was found in a patient; returns alarms that begin, None for an unknown name.

        A prediction takes one outcome of each target; a second one does not count.
        """
        with self._lock:
            predicted = self._waiting.get(name)
            if predicted is None:
                return None
            evidence = {}
            for target in [t for t in outcomes if t in predicted]:
                test = self._outcomes.get(f"{OUTCOME}{target}")
                if test is not None:
                    evidence[f"{OUTCOME}{target}"] = test.add(predicted[target], outcomes[target])
                self._outcome_counts[target] += 1
            left = {t: p for t, p in predicted.items() if t not in outcomes}
            self._waiting[name] = left
            return self._judged(evidence)

    def status(self) -> dict[str, Any]:
        """Return what is known, for `/drift`."""
        with self._lock:
            reference = self._reference
            return {
                "ecgs": self.ecgs,
                "ecgs_in_this_block": self._in_block,
                "block": BLOCK,
                "false_alarms": f"at most one in {self._once_in} ECGs in the long run",
                "reference": None if reference is None else reference.source,
                "alarm": bool(self._alarms),
                "alarms": [
                    {"quantity": quantity, "after_ecgs": after}
                    for quantity, after in self._alarms.items()
                ],
                "evidence": {name: float(f"{e:.4g}") for name, e in self.evidence.items()},
                "flagged_share": self._shares(),
                "probabilities": {
                    target: self._histogram(target, counts)
                    for target, counts in self._histograms.items()
                },
                "outcomes": dict(self._outcome_counts),
                "tolerance_log_odds": {} if reference is None else dict(reference.tolerance),
            }

    @property
    def alarms(self) -> dict[str, int]:
        """Quantity -> after how many ECGs of the block its alarm began."""
        return dict(self._alarms)

    def _judged(self, evidence: Mapping[str, float]) -> list[str]:
        begun = []
        for quantity, value in evidence.items():
            self.evidence[quantity] = value / self._threshold
            if value >= self._threshold and quantity not in self._alarms:
                self._alarms[quantity] = self._in_block
                begun.append(quantity)
        return begun

    def _clear(self) -> None:
        for inputs in self._inputs.values():
            inputs.clear()
        for outcomes in self._outcomes.values():
            outcomes.clear()
        self._in_block = 0
        self._alarms: dict[str, int] = {}
        self.evidence: dict[str, float] = dict.fromkeys((*self._inputs, *self._outcomes), 0.0)

    def _shares(self) -> dict[str, float | None]:
        known = self._known(FLAGGED)
        return {
            "seen": round(self._sums[FLAGGED] / self.ecgs, 4) if self.ecgs else None,
            "reference": round(float(np.mean(known)), 4) if known else None,
        }

    def _histogram(self, target: str, counts: list[int]) -> dict[str, Any]:
        known = self._known(f"{PROBABILITY}{target}")
        shares = np.histogram(known, BINS, (0, 1))[0] / len(known) if known else None
        return {
            "seen": [round(count / sum(counts), 4) for count in counts],
            "reference": None if shares is None else shares.round(4).tolist(),
            "mean_seen": round(self._sums[target] / sum(counts), 4),
            "mean_reference": round(float(np.mean(known)), 4) if known else None,
        }

    def _known(self, quantity: str) -> tuple[float, ...]:
        return () if self._reference is None else tuple(self._reference.values.get(quantity, ()))
