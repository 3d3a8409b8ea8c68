"""A logistic model of every measure, z-score and criterion."""

from pedecg.tabular.shared import logistic

READS = frozenset({"rules"})


class Settings(logistic.Settings):
    """Section `models.rules_linear`."""
