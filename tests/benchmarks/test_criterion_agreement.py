"""Criteria against readers' statements: counts, intervals, and what cannot be read."""

import pandas as pd
import pytest

from pedecg.benchmarks import criterion_agreement as agreement
from pedecg.core.errors import PedecgError
from pedecg.rules import criteria


def records(*rows):
    return pd.DataFrame(
        [
            {"ecg_id": str(k), "codes": codes, "fs_hz": 500.0, **met}
            for k, (codes, met) in enumerate(rows)
        ]
    )


def test_sensitivity_and_specificity_are_counted_over_records():
    rows = [(("AFIB",), {"rule_atrial_fibrillation": True, "rule_atrial_flutter": False})] * 3
    rows += [(("AFLT", "PVC"), {"rule_atrial_fibrillation": False, "rule_atrial_flutter": False})]
    rows += [(("NORM",), {"rule_atrial_fibrillation": False, "rule_atrial_flutter": True})]
    rows += [(("NORM",), {"rule_atrial_fibrillation": False, "rule_atrial_flutter": None})] * 4
    found = agreement.agreement(records(*rows))["atrial fibrillation or flutter"]
    assert (found["positives"], found["records"], found["unknown"]) == (4, 9, 4)
    assert found["sensitivity"]["value"] == 0.75
    assert (found["specificity"]["hits"], found["specificity"]["of"]) == (4, 5)
    # Wilson's interval of 3 of 4, as R's prop.test(3, 4, correct = FALSE) gives it.
    assert found["sensitivity"]["low"] == pytest.approx(0.3006, abs=1e-4)
    assert found["sensitivity"]["high"] == pytest.approx(0.9544, abs=1e-4)


def test_a_finding_without_a_positive_record_has_a_specificity_alone():
    found = agreement.agreement(records((("NORM",), {"rule_paced": False})))
    assert found["paced rhythm"]["sensitivity"] is None
    assert "| paced rhythm | PACE | 0 | none | 1.00" in "\n".join(agreement.table_lines(found))
    assert set(found) == {"paced rhythm"}


def test_every_comparison_names_a_criterion():
    names = {criterion.name for criterion in criteria.CRITERIA}
    for comparison in agreement.COMPARISONS:
        assert set(comparison.criteria) <= names, comparison.name


def test_ages_and_codes_that_cannot_be_read_are_said():
    row = {"ecg_id": "7", "scp_codes": "{'NORM'", "age": "old"}
    with pytest.raises(PedecgError, match="7: scp_codes must be a dictionary"):
        agreement._codes(row)
    with pytest.raises(PedecgError, match="age must be a number of years"):
        agreement._age_days("old")
    assert agreement._age_days("") is None
    assert agreement._age_days("300") == agreement._age_days("90")


@pytest.mark.real
def test_records_of_ptbxl_are_judged_with_adult_limits(shared_data):
    """Record 34 is flutter, 102 has a first-degree block, 3 is normal."""
    from pathlib import Path

    from pedecg.benchmarks import vendor_agreement
    from pedecg.cohorts import csv_table
    from pedecg.rules import norms

    root = shared_data / "ptbxl_subset"
    rows = csv_table.read(root / agreement.TABLE, agreement.COLUMNS)
    by = vendor_agreement.measurement(Path(__file__).parents[2] / "params.yaml")
    limits = norms.load(norms.LIMITS)
    found = {
        row["ecg_id"]: agreement.judged(row, root, by, limits)
        for row in rows
        if row["ecg_id"] in ("3", "34", "102")
    }
    assert found["34"]["rule_atrial_flutter"]
    assert found["102"]["rule_first_degree_block"]
    assert found["3"]["rule_tachycardia"] is False
    assert found["3"]["rule_atrial_fibrillation"] is False
    assert found["34"]["fs_hz"] == 500
