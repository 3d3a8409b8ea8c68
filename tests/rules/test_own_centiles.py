"""A hospital's own centiles: right where they are stated, and not stated where they are unsure."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import QuantileRegressor

from pedecg.core.errors import PedecgError
from pedecg.plots import centiles_over_age
from pedecg.rules import norms, own_centiles, quantile_curves
from pedecg.simulation import physiology, traits

LIMITS = norms.load(norms.LIMITS)
SETTINGS = own_centiles.NormsSettings(
    target=None, measures=[], patients_per_knot=250, min_patients=60, min_patients_of_age=5
)
CURVES = {"heart_rate_bpm": "rate", "qrs_ms": "qrs_ms", "qtc_bazett_ms": "qtc_ms"}
MORE_CURVES = {"r_v1_mv": "r_v1", "s_v1_mv": "s_v1"}
SEXES = ("female", "male")
EDGES = [11, 31, 91, 182, 365, 1096, 1826, 2922, 4383, 5475]


def children(n: int, columns: dict[str, str], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rules and records of healthy simulated children, as many of each age group."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % (len(EDGES) - 1)
    ages = [int(rng.integers(EDGES[place], EDGES[place + 1])) for place in group]
    sexes = [SEXES[i] for i in rng.integers(0, 2, n)]
    own = [
        traits.draw(age, sex, traits.personal(rng), {}, rng)
        for age, sex in zip(ages, sexes, strict=True)
    ]
    ids = [f"r{i:05}" for i in range(n)]
    rules = pd.DataFrame({"record_id": ids})
    for column, trait in columns.items():
        rules[column] = [each[trait] for each in own]
        rules[f"valid_{column}"] = True
    records = pd.DataFrame(
        {"record_id": ids, "patient_id": ids, "age_days": pd.array(ages, "Int64"), "sex": sexes}
    )
    return rules, records


def fitted(
    rules: pd.DataFrame, records: pd.DataFrame, settings: own_centiles.NormsSettings = SETTINGS
) -> pd.DataFrame:
    measures = own_centiles.measured(rules, records, rules["record_id"], LIMITS, [])
    return own_centiles.together(own_centiles.centiles(one, settings) for one in measures)


def covered(rows: pd.DataFrame, shift: float = 0.0) -> pd.Series:
    """Return whether each interval holds the true centile, moved by a share of the spread."""
    inside = []
    for row in rows.to_dict("records"):
        truth = physiology.percentiles(row["measure"], row["at_days"], row["sex"])
        for name, true in zip(("p2", "p50", "p98"), truth, strict=True):
            there = true + shift * (truth[2] - truth[0])
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            inside.append(not (there < low or there > high))
    return pd.Series(inside)


def test_the_regression_quantile_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    basis = np.column_stack([np.ones(90), rng.normal(size=(90, 3))])
    values = basis @ [1.0, 2.0, -1.0, 0.5] + rng.gumbel(size=90)
    for quantile in (0.02, 0.5, 0.9):
        ours = quantile_curves.coefficients(basis, values, quantile)
        theirs = QuantileRegressor(quantile=quantile, alpha=0, fit_intercept=False)
        assert basis @ ours == pytest.approx(basis @ theirs.fit(basis, values).coef_)


def test_the_true_centiles_of_simulated_children_lie_in_their_intervals():
    rows = fitted(*children(1400, {"qrs_ms": "qrs_ms"}))
    assert covered(rows).mean() >= 0.85  # 90% intervals of 54 centiles
    assert covered(rows, shift=0.25).mean() < 0.6  # and wrong centiles do not


@pytest.mark.slow
def test_the_true_centiles_of_every_measure_lie_in_their_intervals():
    rows = own_centiles.bounded(fitted(*children(6000, CURVES | MORE_CURVES, seed=1)))
    assert set(rows["measure"]) == {"heart_rate", "qrs", "qtc_bazett", "r_v1", "s_v1"}
    assert len(rows) > 60
    assert covered(rows).mean() >= 0.85
    assert covered(rows, shift=0.1).mean() < 0.3


def test_a_centile_that_few_patients_do_not_bound_is_in_no_file_of_limits(tmp_path):
    rows = fitted(*children(300, CURVES))
    assert rows[["p2_low", "p98_high"]].isna().all(axis=None)
    assert rows[["p50_low", "p50_high"]].notna().all(axis=None)
    file = tmp_path / "limits.csv"
    text = own_centiles.limits_file(own_centiles.limits_rows(rows, LIMITS), "ours", LIMITS)
    file.write_text(text, encoding="utf-8")
    own = norms.load(file)
    assert own.units == LIMITS.units
    for age, sex in ((3, "male"), (200, "female"), (4000, "male"), (7000, "female")):
        for measure in LIMITS.units:
            ours, theirs = (x.percentiles(measure, age, sex) for x in (own, LIMITS))
            assert str(ours) == str(theirs)  # a limit that is not stated is NaN


@pytest.fixture
def stated() -> pd.DataFrame:
    """Return centiles of two measures of which the middle age groups are bounded."""
    rows = fitted(*children(300, {"qrs_ms": "qrs_ms", "p_ms": "p_ms"}))
    sure = rows["age_from_days"].between(91, 4000) & ~(
        (rows["measure"] == "p") & (rows["age_from_days"] == 182)
    )
    for name in ("p2", "p98"):
        rows.loc[sure, f"{name}_low"] = rows.loc[sure, name] - 1
        rows.loc[sure, f"{name}_high"] = rows.loc[sure, name] + 1
    return rows


def test_the_file_takes_bounded_rows_and_keeps_those_in_use_elsewhere(stated, tmp_path):
    file = tmp_path / "limits.csv"
    text = own_centiles.limits_file(own_centiles.limits_rows(stated, LIMITS), "ours", LIMITS)
    file.write_text(text, encoding="utf-8")
    own = norms.load(file)
    assert own.version.startswith("own centiles of ours")
    qrs = {row.age_from_days: row for row in own.rows["qrs", "male"]}
    assert {age for age, row in qrs.items() if row.source == own_centiles.SOURCE} == {
        91, 182, 365, 1096, 1826, 2922,
    }  # fmt: skip
    new = stated.set_index(["measure", "sex", "age_from_days"]).loc[("qrs", "male", 365)]
    assert (qrs[365].p2, qrs[365].p50, qrs[365].p98) == (new["p2"], new["p50"], new["p98"])
    adult = own.rows_for("qrs", 9000, "male")
    assert adult[0].source == LIMITS.rows_for("qrs", 9000, "male")[0].source
    # Without limits in use the longest run of ages is taken: a file may have no gap.
    assert [row.age_from_days for row in own.rows["p", "male"]] == [365, 1096, 1826, 2922]


def test_each_patient_counts_once_and_only_where_age_sex_and_value_are_known():
    rules, records = children(40, {"qrs_ms": "qrs_ms"})
    records["patient_id"] = records["patient_id"].where(records.index > 9, "twin")
    rules.loc[12, "valid_qrs_ms"] = False
    rules.loc[13, "qrs_ms"] = np.nan
    records.loc[14, "age_days"] = pd.NA
    records.loc[15, "sex"] = None
    normal = list(rules["record_id"][:30])
    (one,) = own_centiles.measured(rules, records, normal, LIMITS, ["qrs_ms"])
    assert (one.name, one.unit) == ("qrs", "ms")
    assert len(one.patients) == 30 - 9 - 4
    first = records.iloc[:10]["age_days"].astype(int).idxmin()
    assert rules.loc[first, "qrs_ms"] in one.patients["value"].to_numpy()


def test_girls_and_boys_are_fitted_together_where_one_sex_is_rare():
    rules, records = children(200, {"qrs_ms": "qrs_ms"})
    records["sex"] = ["male"] * 180 + ["female"] * 20
    rows = fitted(rules, records)
    assert set(rows["fitted_on"]) == {own_centiles.BOTH}
    first, second = (rows[rows["sex"] == sex]["p50"].to_numpy() for sex in SEXES)
    assert (first == second).all()
    assert fitted(rules.iloc[:50], records.iloc[:50]).empty


def test_an_axis_near_180_degrees_has_a_median_there():
    rng = np.random.default_rng(2)
    rules, records = children(400, {"qrs_axis_deg": "axis_deg"})
    rules["qrs_axis_deg"] = (175 + rng.normal(0, 20, 400) + 180) % 360 - 180
    rows = fitted(rules, records)
    assert (abs(rows["p50"] - 175) < 15).all()
    assert (rows["p98"] > rows["p50"]).all()


def test_a_column_that_is_no_measure_is_named():
    rules, records = children(10, {"qrs_ms": "qrs_ms"})
    with pytest.raises(PedecgError, match=r"norms.measures: 'qrs' is no measure"):
        own_centiles.measured(rules, records, rules["record_id"], LIMITS, ["qrs"])


def test_a_picture_is_drawn_of_each_fitted_measure(tmp_path):
    rules, records = children(200, {"qrs_ms": "qrs_ms", "p_ms": "p_ms"})
    measures = own_centiles.measured(rules, records, rules["record_id"], LIMITS, [])
    rows = own_centiles.together(own_centiles.centiles(one, SETTINGS) for one in measures)
    centiles_over_age.draw(measures, rows, tmp_path, "simulated")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p.png", "qrs.png"]
    summary = own_centiles.summary(rows, measures, 200)
    assert summary["fitted"] == 2
    assert summary["by_measure"]["qrs"]["patients"] == 200
