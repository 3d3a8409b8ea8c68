"""What the simulation knows about where a finding is."""

import numpy as np
import pandas as pd
import pytest

from pedecg.explain import simulated_truth


@pytest.mark.parametrize(
    ("conditions", "region"),
    [
        ("st_depression:0.7", "ST-T"),
        ("st_depression:0.7;sinus_arrhythmia:0.2", "ST-T"),
        ("lvh:0.7;st_depression:0.2", None),
        ("t_wave_abnormality:0.9", "flat T"),
        ("low_voltage:1.0", "QRS"),
        ("complete_block:1.0", None),
        ("", None),
    ],
)
def test_the_region_of_a_finding_is_read_off_the_table_of_conditions(conditions, region):
    assert simulated_truth._regions(conditions) == region


def shares(st_share: float, ids: list[str]) -> pd.DataFrame:
    rows = [
        (key, key, "abnormal", 1.0, True, "grad_cam", region, share, time)
        for key in ids
        for region, share, time in (("ST-T", st_share, 0.4), ("QRS", 1 - st_share, 0.1))
    ]
    columns = ["record_id", "patient_id", "target", "label", "positive", "method", "region",
               "share", "time"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def restored(st: list[str], qrs: list[str]) -> pd.DataFrame:
    rows = [
        (key, key, "abnormal", 1.0, True, region, 1.5 * (region == own))
        for ids, own in ((st, "ST-T"), (qrs, "QRS"))
        for key in ids
        for region in ("ST-T", "QRS")
    ]
    columns = ["record_id", "patient_id", "target", "label", "positive", "region", "logit_decrease"]
    return pd.DataFrame(rows, columns=columns)


def test_a_map_that_points_there_is_reported_from_one_that_does_not():
    st, qrs = [f"S{i}" for i in range(5)], [f"Q{i}" for i in range(5)]
    known = pd.DataFrame(
        {
            "record_id": st + qrs,
            "conditions": ["st_depression:0.7"] * 5 + ["low_voltage:0.7"] * 5,
            "true_abnormal": 1,
        }
    )
    table = pd.concat([shares(0.8, st), shares(0.2, qrs)], ignore_index=True)
    found = simulated_truth.score(table, restored(st, qrs), known, 100, 0)
    in_st = found["restored"]["ST-T"]
    assert in_st["conditions_in_ST-T_alone"]["logit_decrease"]["value"] == pytest.approx(1.5)
    assert in_st["conditions_in_QRS_alone"]["logit_decrease"]["value"] == pytest.approx(0)
    found = found["findings"]["grad_cam"]["ST-T"]
    assert found["conditions_in_ST-T_alone"]["share"]["value"] == pytest.approx(0.8)
    assert found["conditions_in_ST-T_alone"]["times"] == pytest.approx(2)
    assert found["conditions_in_QRS_alone"]["share"]["value"] == pytest.approx(0.2)


def test_another_cohort_has_no_truth():
    known = pd.DataFrame({"record_id": ["x"], "conditions": [np.nan], "true_abnormal": [0]})
    assert (
        simulated_truth.score(shares(0.5, ["S1"]), restored(["S1"], []), known, 10, 0)["findings"]
        is None
    )
