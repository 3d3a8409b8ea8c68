"""Who comes to the simulated hospital: one row of ``case_mix.csv`` is one age group."""

from functools import cache
from importlib import resources

import pandas as pd


@cache
def case_mix() -> pd.DataFrame:
    """Read published records and 9-lead shares by age, and assumed ages of the diseases."""
    with resources.files("pedecg.simulation").joinpath("case_mix.csv").open() as file:
        return pd.read_csv(file)
