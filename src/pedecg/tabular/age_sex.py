"""A logistic model of age and sex alone: what a model that reads the ECG must exceed."""

from pedecg.tabular.shared import logistic

READS = frozenset({"demographics"})
REFERENCE = True


class Settings(logistic.Settings):
    """Section `models.age_sex`."""
