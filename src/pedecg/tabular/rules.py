"""Baseline model: a score of criteria and z-scores per target, calibrated to a probability.

The score needs no training: it is a weighted sum of criteria that are met and of z-scores beyond
the usual. Only the two numbers that turn it into a probability are fitted, on the training split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from torch import Tensor

from pedecg.core import logistic_curve as logistic
from pedecg.core.params import Section
from pedecg.models.contract import Rows, TableLayers, Training
from pedecg.tabular.shared import layers
from pedecg.tabular.shared.base import TabularModel

READS = frozenset({"rules"})
REFERENCE = True
Values = NDArray[np.float64]

# What speaks for each target, and how much. `rule_x`: 1 where met. `high z_x`, `low z_x`: how far a
# z-score lies above or below the median, in SD. What is unknown adds nothing. The weights are
# judgement, not fitted: textbook signs count 1, weak ones 0.5.
WEIGHTS: dict[str, dict[str, float]] = {
    "chd": {
        "rule_rvh": 1.0, "rule_lvh": 0.5, "rule_right_axis": 1.0, "rule_left_axis": 0.5,
        "rule_upright_t_v1": 1.0, "rule_wide_qrs": 0.5, "rule_rbbb": 1.0,
        "rule_incomplete_rbbb": 1.0, "rule_first_degree_block": 0.5, "high z_r_v1": 0.3,
        "high z_s_v6": 0.3, "high z_qrs_axis": 0.3, "high z_qrs": 0.3,
        "high z_sv1_rv6": 0.3,
    },
    "myocarditis": {
        "rule_low_voltage": 1.0, "rule_low_voltage_precordial": 0.5, "rule_tachycardia": 0.5,
        "rule_long_qtc": 0.5, "rule_qtc_borderline": 0.5, "rule_first_degree_block": 0.5,
        "rule_wide_qrs": 0.5, "rule_low_t": 1.0, "rule_inverted_t": 1.0,
        "rule_st_elevation": 0.5, "rule_st_depression": 1.0, "low z_r_v6": 0.5,
        "high z_heart_rate": 0.3, "high z_qtc_bazett": 0.2, "high z_qrs": 0.2,
    },
    "cardiomyopathy": {
        "rule_lvh": 1.0, "rule_wide_qrs": 0.5, "rule_lbbb": 1.0, "rule_left_axis": 0.5,
        "rule_inverted_t": 1.0, "rule_wide_qrs_t_angle": 1.0, "rule_st_depression": 1.0,
        "rule_long_qtc": 0.5, "high z_r_v6": 0.3, "high z_s_v1": 0.5, "high z_sv1_rv6": 0.5,
        "high z_q_v6": 0.3, "high z_qtc_bazett": 0.2, "high z_qrs": 0.3,
    },
    "kawasaki": {
        "rule_tachycardia": 1.0, "rule_first_degree_block": 0.5, "rule_long_qtc": 0.5,
        "rule_qtc_borderline": 0.5, "rule_low_t": 1.0, "rule_st_depression": 0.5,
        "high z_heart_rate": 0.5, "high z_pr": 0.3, "low z_r_v6": 0.2,
    },
    "mi": {
        "rule_left_axis": 0.5, "rule_low_voltage": 0.5, "rule_long_qtc": 0.5,
        "rule_inverted_t": 1.0, "rule_wide_qrs_t_angle": 0.5, "rule_st_elevation": 0.5,
        "rule_st_depression": 0.5,
    },
    "sttc": {
        "rule_long_qtc": 1.0, "rule_lvh": 0.5, "rule_tachycardia": 0.5, "rule_inverted_t": 1.0,
        "rule_low_t": 1.0, "rule_st_depression": 1.0, "rule_wide_qrs_t_angle": 1.0,
    },
    "cd": {
        "rule_wide_qrs": 1.0, "rule_first_degree_block": 1.0, "rule_left_axis": 0.5,
        "rule_pre_excitation": 1.0, "rule_rbbb": 1.0, "rule_lbbb": 1.0,
        "rule_incomplete_rbbb": 1.0, "rule_incomplete_lbbb": 0.5, "high z_qrs": 0.5,
    },
    "hyp": {
        "rule_lvh": 1.0, "rule_rvh": 1.0, "high z_r_v6": 0.5, "high z_s_v1": 0.5,
        "high z_sv1_rv6": 0.5,
    },
}  # fmt: skip
BENIGN = ("rule_sinus_arrhythmia", "rule_qtc_borderline")  # common in health
# The same finding under another name: its rate, or its premature beats, count already.
REPEATED = (
    "rule_sinus_tachycardia", "rule_sinus_bradycardia", "rule_bigeminy", "rule_trigeminy",
)  # fmt: skip
# Any sign at all: for `abnormal`, for targets without weights of their own and, reversed, `norm`.
ANYTHING = "any abnormality"
# Points of a criterion, and of an SD: as in WEIGHTS, where no sign is named.
ANY_RULE, ANY_Z = 1.0, 0.3
REVERSED = ("norm",)
BEYOND_RATE = ("abnormal_beyond_rate",)  # any abnormality but these
OF_RATE = ("rule_tachycardia", "rule_bradycardia", "z_heart_rate")
UNREMARKABLE_SD = 1.0  # a z-score counts by what it exceeds this
ALMOST_FLAT = 1e-3  # weight of the penalty that keeps the slope finite for perfect separation


class Settings(Section):
    """Section `models.rules`."""

    max_slope: float = Field(
        ge=0,
        le=100,
        description="largest log odds per point of the score, so that no score makes a "
        "diagnosis certain",
    )


@dataclass(frozen=True)
class Model(TabularModel):
    """The score of each target and the curve that makes it a probability.

    Attributes
    ----------
    scored_by : per target, see `scored_by`.
    curves : per target, intercept and slope of the logistic curve over its score.
    """

    scored_by: Mapping[str, str]
    curves: Mapping[str, tuple[float, float]]

    @classmethod
    def learn(cls, rows: Rows, settings: Settings, training: Training) -> Self:
        """Fit one curve per target; the seed changes nothing."""
        curves = {
            target: fit(scores(rows.features, target), label.astype(np.float64), settings)
            for target, label in zip(rows.targets, rows.labels.T, strict=True)
        }
        scored = {target: scored_by(target) for target in rows.targets}
        return cls(training.name, training.seed, rows.targets, scored, curves)

    def predict(self, rows: Rows) -> Values:
        """Return raw probabilities, shape (n_rows, n_targets)."""
        each = [predict(scores(rows.features, t), *self.curves[t]) for t in self.targets]
        return np.stack(each, axis=1)

    def table_layers(self, columns: Sequence[str]) -> TableLayers:
        """Return the model as layers; it reads the criteria and z-scores among `columns`."""
        signs = [_signs(list(columns), target) for target in self.targets]
        named = dict.fromkeys(e.rpartition(" ")[2] for weights in signs for e in weights)
        names = tuple(name for name in named if name in columns)
        weights = np.zeros((len(self.targets), 3, len(names)))
        for own, each, target in zip(weights, signs, self.targets, strict=True):
            slope = self.curves[target][1]
            sign = -slope if target in REVERSED else slope
            for evidence, weight in each.items():
                way, _, column = evidence.rpartition(" ")
                if column in names:
                    own[("", "high", "low").index(way), names.index(column)] += sign * weight
        intercepts = np.array([self.curves[target][0] for target in self.targets], np.float64)
        return TableLayers(names, _Score(weights.reshape(len(signs), -1), intercepts))


class _Score(layers.Logistic):
    """The curve over the score; weights are of criteria, then of high and of low z-scores."""

    def forward(self, features: Tensor, age_days: Tensor, sex: Tensor) -> Tensor:  # type: ignore[override]
        """Return probabilities, shape (n, n_targets), float64."""
        values = features.double()
        high, low = ((way * values - UNREMARKABLE_SD).clamp(min=0.0) for way in (1.0, -1.0))
        each = torch.cat([values, high, low], dim=1)
        return super().forward(torch.where(each.isnan(), torch.zeros_like(each), each))


def scored_by(target: str) -> str:
    """Return what scores a target: its own name, or what stands in for it."""
    if target in WEIGHTS:
        return target
    if target in BEYOND_RATE:
        return f"{ANYTHING} but the rate"
    return f"not {ANYTHING}" if target in REVERSED else ANYTHING


def scores(rules: pd.DataFrame, target: str) -> Values:
    """Return the score of every record, shape (n_records,), from its rule features.

    `rules` needs no column in particular: a criterion or z-score that is not there is unknown.
    """
    total = np.zeros(len(rules))
    for evidence, weight in _signs(list(rules.columns), target).items():
        total += weight * _evidence(rules, evidence)
    return -total if target in REVERSED else total


def _signs(columns: Sequence[str], target: str) -> Mapping[str, float]:
    """Return the weight of each criterion and z-score of these columns for a target."""
    if target in WEIGHTS:
        return WEIGHTS[target]
    left_out = {*BENIGN, *REPEATED, *(OF_RATE if target in BEYOND_RATE else ())}
    named = [c for c in _named(columns, "z_") if c not in left_out]
    any_z = {f"{way} {c}": ANY_Z for c in named for way in ("high", "low")}
    signs = [rule for rule in _named(columns, "rule_") if rule not in left_out]
    return dict.fromkeys(signs, ANY_RULE) | any_z


def fit(score: Values, label: Values, settings: Settings) -> tuple[float, float]:
    """Return intercept and slope (0 to `max_slope`) of the logistic curve from score to label.

    Parameters
    ----------
    score, label : shape (n_records,); records whose label is NaN are left out.
    """
    known = np.isfinite(label)
    if not known.any():
        return 0.0, 0.0
    x, y = score[known], label[known]
    share = (y.sum() + 0.5) / (len(y) + 1.0)
    start = (float(special.logit(share)), 0.0)
    return logistic.line(x, y, start, (0.0, settings.max_slope), penalty=ALMOST_FLAT)


def predict(score: Values, intercept: float, slope: float) -> Values:
    """Return the probability of each score, rising with it.

    Parameters
    ----------
    score : shape (n,).

    Returns
    -------
    Shape (n,).
    """
    return np.asarray(special.expit(intercept + slope * score))


def _evidence(rules: pd.DataFrame, evidence: str) -> Values:
    way, _, column = evidence.rpartition(" ")
    if column not in rules:
        return np.zeros(len(rules))
    values = rules[column].to_numpy(np.float64, na_value=np.nan)
    if way:
        values = np.maximum((-values if way == "low" else values) - UNREMARKABLE_SD, 0.0)
    return np.asarray(np.nan_to_num(values), np.float64)


def _named(columns: Sequence[str], prefix: str) -> list[str]:
    return sorted(column for column in columns if column.startswith(prefix))
