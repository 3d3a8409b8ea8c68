"""Logistic regression on all measures, z-scores and criteria."""

import pandas as pd

from pedecg.models.contract import Rows
from pedecg.tabular.shared import design, logistic

READS = frozenset({"rules"})


class Settings(logistic.Settings):
    """Section `models.rules_linear`."""


class Model(logistic.LogisticModel):
    """One logistic model per target."""

    @classmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return the rule features, one row per record."""
        return design.rule_features(rows)
