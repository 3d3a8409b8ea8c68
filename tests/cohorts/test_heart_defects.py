"""Single congenital heart defects are selectable targets alongside their union."""

import pandas as pd
import pytest

from pedecg.cohorts import code_vocabularies, zzu_targets
from pedecg.core.errors import PedecgError

DEFECTS = tuple(zzu_targets.defects())
# The ten codes of congenital heart disease in the study, and the targets that each makes present.
PRESENT = {
    "Q21.0": {"ventricular_septal_defect"},
    "Q21.1": {"atrial_septal_defect"},
    "(OSD) Q21.1": {"atrial_septal_defect", "ostium_secundum_defect"},
    "(FO) Q21.1": {"foramen_ovale"},
    "Q21.2": {"atrioventricular_septal_defect"},
    "Q21.3": {"tetralogy_of_fallot"},
    "Q22.1": {"pulmonary_stenosis", "right_ventricular_outflow_stenosis"},
    "Q25.0": {"patent_ductus_arteriosus"},
    "Q25.6": {"pulmonary_stenosis", "pulmonary_artery_stenosis"},
    "I37.0": {"pulmonary_stenosis", "pulmonary_valve_stenosis"},
}
# Codes of which a part, or the whole under another name, may be the defect.
UNKNOWN = {
    "Q21.1": {"ostium_secundum_defect", "foramen_ovale"},
    "Q21.2": {"ventricular_septal_defect", "atrial_septal_defect"},
    "Q21.3": {
        "ventricular_septal_defect", "pulmonary_stenosis", "right_ventricular_outflow_stenosis",
        "pulmonary_artery_stenosis", "pulmonary_valve_stenosis",
    },
    "Q22.1": {"pulmonary_valve_stenosis"},
    "I37.0": {"right_ventricular_outflow_stenosis"},
}  # fmt: skip
SELECTED = ["chd", *DEFECTS]


def test_every_code_of_a_heart_defect_makes_a_target_and_no_other_code_does():
    keys = {key for one in zzu_targets.defects().values() for key in one.present | one.unknown}
    assert keys == {code_vocabularies.code_key(code) for code in PRESENT}
    groups = {code: code_vocabularies.disease_of(code).group for code in PRESENT}
    assert set(groups.values()) == {zzu_targets.HEART_DEFECTS}


@pytest.mark.parametrize("code", PRESENT)
def test_a_code_is_one_defect_unknown_of_its_parts_and_no_other(zzu, run, code):
    zzu.add(**{"ICD-10 code": f"'{code}';'R18'"})
    zzu.write()
    found = run("zzu", zzu.root, zzu__targets=SELECTED).labels.iloc[0]
    assert {name for name in DEFECTS if found[name] is pd.NA} == UNKNOWN.get(code, set())
    assert {name for name in DEFECTS if found[name] is not pd.NA and found[name]} == PRESENT[code]
    assert found["chd"] == 1


def test_a_child_may_have_several_defects_and_a_coded_part_is_present(zzu, run):
    zzu.add(**{"ICD-10 code": "'Q21.3';'Q21.0';'Q25.0'"})
    zzu.write()
    found = run("zzu", zzu.root, zzu__targets=SELECTED).labels.iloc[0]
    present = ["tetralogy_of_fallot", "ventricular_septal_defect", "patent_ductus_arteriosus"]
    assert (found[present] == 1).all()


@pytest.mark.parametrize(
    ("cell", "policy", "label"),
    [("'Q24.9'", "unknown", None), ("'Q24.9'", "positive", None), ("'Q24.9'", "negative", 0),
     ("'I40.9'", "unknown", 0), ("'(XX) Q9'", "unknown", None), ("", "unknown", None)],
)  # fmt: skip
def test_a_defect_that_is_not_named_is_absent_only_where_that_is_known(
    zzu, run, cell, policy, label
):
    zzu.add(**{"ICD-10 code": cell})
    zzu.write()
    changed = {"zzu__targets": SELECTED, "zzu__unlisted_diagnoses": policy}
    found = run("zzu", zzu.root, **changed).labels.iloc[0]
    for target in DEFECTS:
        assert found[target] is pd.NA if label is None else found[target] == label


def test_only_the_selected_targets_are_labels_in_one_order(zzu, run):
    zzu.add()
    zzu.write()
    selected = ["pulmonary_stenosis", "chd", "abnormal"]
    labels = run("zzu", zzu.root, zzu__targets=selected).labels
    assert list(labels) == ["record_id", "abnormal", "chd", "pulmonary_stenosis"]


@pytest.mark.parametrize(
    ("targets", "message"),
    [(["chd", "tetralogy_of_falot"], "did you mean tetralogy_of_fallot"),
     (["chd", "chd"], "must name every target once"), ([], "length ≥ 1")],
)  # fmt: skip
def test_targets_that_there_are_not_are_refused(cohort_settings, tmp_path, targets, message):
    with pytest.raises((PedecgError, ValueError), match=message):
        cohort_settings("zzu", tmp_path, zzu__targets=targets)
