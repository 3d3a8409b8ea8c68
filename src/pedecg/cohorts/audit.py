"""Cohort audit as tables: patients, labels, and signal quality.

Counts only, no judgement: what a class means is the data set's own definition.
"""

from typing import Any

import numpy as np
import pandas as pd

from pedecg.cohorts import code_vocabularies, same_patient, zzu_targets
from pedecg.core import age_groups
from pedecg.core.records import LEADS

QUALITY_MEASURES = ("psqi", "bassqi")  # measured by us and by some sources

Tables = dict[str, pd.DataFrame]


def tables_of(
    records: pd.DataFrame,
    labels: pd.DataFrame,
    quarantine: pd.DataFrame,
    findings: pd.DataFrame,
    quality: pd.DataFrame,
) -> Tables:
    """Return every table of the audit by its name."""
    known = labels.set_index("record_id").astype("Float64").astype("float64")
    patient = records.set_index("record_id")["patient_id"]
    return {
        "classes": classes(known, patient),
        "labels_per_record": labels_per_record(known),
        "co_occurrence": co_occurrence(known),
        "ages_and_leads": ages_and_leads(records),
        "lengths": lengths(records),
        "quality_by_lead": quality_by_lead(quality),
        "quality_agreement": quality_agreement(quality),
        "disagreement": disagreement(known, patient),
        "disagreeing_patients": disagreeing_patients(known, patient),
        "findings": finding_counts(findings, len(records)),
        "unlisted_diagnoses": unlisted_diagnoses(findings),
        "same_patient": same_patient.listed(records),
        "quarantine": quarantine.groupby("reason").size().rename("records").reset_index(),
    }


def classes(known: pd.DataFrame, patient: pd.Series) -> pd.DataFrame:
    """Count positives, negatives and unknowns of every target.

    Parameters
    ----------
    known : targets by ``record_id``; 1, 0 or NaN.
    patient : ``patient_id`` by ``record_id``.

    Returns
    -------
    ``share`` is of the known; ``with_another`` counts positives of a further target too.
    """
    rows = []
    of_record = patient.loc[known.index]
    several = known.eq(1).sum(axis=1) > 1
    for target in known.columns:
        positive = known[target] == 1
        seen = int(known[target].notna().sum())
        rows.append(
            {
                "target": target,
                "positive": int(positive.sum()),
                "negative": seen - int(positive.sum()),
                "unknown": len(known) - seen,
                "share": positive.sum() / seen if seen else np.nan,
                "patients": int(of_record[positive].nunique()),
                "with_another": int((positive & several).sum()),
            }
        )
    columns = ["target", "positive", "negative", "unknown", "share", "patients", "with_another"]
    return pd.DataFrame(rows, columns=columns)


def labels_per_record(known: pd.DataFrame) -> pd.DataFrame:
    """Count the records by how many targets are positive in them."""
    positive = known.eq(1).sum(axis=1)
    counts = positive.value_counts().reindex(range(int(positive.max()) + 1), fill_value=0)
    return pd.DataFrame({"positive_targets": counts.index, "records": counts.to_numpy()})


def co_occurrence(known: pd.DataFrame) -> pd.DataFrame:
    """Count the records that are positive for two targets at once; the diagonal is each alone."""
    positive = known.eq(1).astype(int)
    together = positive.T @ positive
    return together.rename_axis("target").reset_index()


def ages_and_leads(records: pd.DataFrame) -> pd.DataFrame:
    """Count the records by age group and number of leads (``leads_9``, ``leads_12``, …)."""
    names = age_groups.ZZU_PECG.names
    group = age_groups.ZZU_PECG.assign(records["age_days"])
    counts = pd.crosstab(group.to_numpy(str), n_leads(records).to_numpy())
    counts = counts.reindex([name for name in (*names, age_groups.UNKNOWN) if name in counts.index])
    counts.columns = [f"leads_{n}" for n in counts.columns]
    counts.insert(0, "records", counts.sum(axis=1))
    return counts.rename_axis("age").reset_index()


def n_leads(records: pd.DataFrame) -> pd.Series:
    """Return the number of leads of every record."""
    return records["leads"].str.count(" ").astype(int) + 1


def lengths(records: pd.DataFrame) -> pd.DataFrame:
    """Count the records by rate and length, shortest first."""
    table = records.groupby(["fs_hz", "n_samples"]).size().rename("records").reset_index()
    table.insert(2, "seconds", table["n_samples"] / table["fs_hz"])
    return table.sort_values(["seconds", "fs_hz"], ignore_index=True)


def quality_by_lead(quality: pd.DataFrame) -> pd.DataFrame:
    """Sum up every lead: how often it is usable, what flaws it has, and our quality measures."""
    flaws = sorted(quality["flaw"].dropna().unique())
    rows = []
    for lead, group in quality.groupby("lead", sort=False):
        row: dict[str, Any] = {
            "lead": lead,
            "records": len(group),
            "usable_share": group["usable"].mean(),
            "saturated_share": group["flaw"].eq("partly-saturated").fillna(False).mean(),
            "median_peak_mv": group["peak_mv"].median(),
        }
        row |= {f"flaw_{flaw}": int((group["flaw"] == flaw).sum()) for flaw in flaws}
        for measure in QUALITY_MEASURES:
            row[f"{measure}_p5"] = group[measure].quantile(0.05)
            row[f"{measure}_median"] = group[measure].median()
        rows.append(row)
    return pd.DataFrame(rows)


def quality_agreement(quality: pd.DataFrame) -> pd.DataFrame:
    """Compare our quality measures with those of the source, over the leads that have both.

    Returns
    -------
    Medians, Pearson's and Spearman's correlation; NaN where the source gives none.
    """
    rows = []
    for measure in QUALITY_MEASURES:
        both = quality[[measure, f"source_{measure}"]].dropna()
        ours, theirs = both[measure], both[f"source_{measure}"]
        varies = ours.min() < ours.max() and theirs.min() < theirs.max()
        rows.append(
            {
                "measure": measure,
                "leads_with_both": len(both),
                "our_median": ours.median(),
                "source_median": theirs.median(),
                "pearson": ours.corr(theirs) if varies else np.nan,
                "spearman": ours.rank().corr(theirs.rank()) if varies else np.nan,
            }
        )
    return pd.DataFrame(rows)


def disagreement(known: pd.DataFrame, patient: pd.Series) -> pd.DataFrame:
    """Count, per target, the patients whose repeated examinations do not agree on it."""
    rows = []
    for target in known.columns:
        spread = known[target].dropna().groupby(patient).agg(["size", "min", "max"])
        repeated = spread[spread["size"] > 1]
        differ = int((repeated["min"] != repeated["max"]).sum())
        share = differ / len(repeated) if len(repeated) else np.nan
        rows.append((target, len(repeated), differ, share))
    return pd.DataFrame(rows, columns=["target", "repeated_patients", "disagreeing", "share"])


def disagreeing_patients(known: pd.DataFrame, patient: pd.Series) -> pd.DataFrame:
    """List the patients whose examinations disagree, for whoever wants to read them again."""
    rows = []
    for target in known.columns:
        spread = known[target].dropna().groupby(patient).agg(["size", "sum"])
        mixed = spread[(spread["sum"] > 0) & (spread["sum"] < spread["size"])]
        rows += [
            (target, str(name), int(size), int(positive))
            for name, size, positive in mixed.itertuples()
        ]
    return pd.DataFrame(rows, columns=["target", "patient_id", "records", "positive"])


def finding_counts(findings: pd.DataFrame, n_records: int) -> pd.DataFrame:
    """Count the records of each code, most frequent first within its vocabulary."""
    keys = ["vocabulary", "code"]
    counts = findings.groupby(keys).agg(
        description=("description", "first"), records=("record_id", "nunique")
    )
    counts["share"] = counts["records"] / max(n_records, 1)
    order = ["vocabulary", "records", "code"]
    return counts.reset_index().sort_values(order, ascending=[True, False, True], ignore_index=True)


def unlisted_diagnoses(findings: pd.DataFrame) -> pd.DataFrame:
    """Count the diagnoses that lie in the chapter of a target and are none of its keys.

    Returns
    -------
    Columns ``target``, ``code`` (ICD-10) and ``records``; see ``cohort.zzu.unlisted_diagnoses``.
    """
    diagnosed = findings[findings["vocabulary"] == "icd10"]
    rows = [
        (zzu_targets.OF_GROUP[group], str(code), of_code["record_id"].nunique())
        for code, of_code in diagnosed.groupby("code", sort=True)
        for group in sorted(code_vocabularies.unlisted_groups(str(code)))
    ]
    table = pd.DataFrame(rows, columns=["target", "code", "records"])
    return table.sort_values(["target", "code"], ignore_index=True)


def summary(records: pd.DataFrame, quality: pd.DataFrame, tables: Tables) -> dict[str, Any]:
    """Return the main figures, for comparison of two versions of a cohort."""
    per_record = tables["labels_per_record"]
    several = per_record.loc[per_record["positive_targets"] > 1, "records"].sum()
    visits = records.groupby("patient_id").size()
    age = records["age_days"].astype("Float64").astype("float64")
    female = (records["sex"].dropna() == "female").astype("float64")  # of those known, maybe none
    agreement = tables["quality_agreement"].set_index("measure")
    positives = tables["classes"].set_index("target")["positive"].to_dict()
    return {
        "records": len(records),
        "patients": len(visits),
        "patients_with_several_records": int((visits > 1).sum()),
        "quarantined": int(tables["quarantine"]["records"].sum()),
        "median_age_days": age.dropna().median(),
        "age_unknown_share": age.isna().mean(),
        "female_share": female.mean(),
        "all_twelve_leads_share": records["leads"].str.startswith(" ".join(LEADS)).mean(),
        "median_seconds": (records["n_samples"] / records["fs_hz"]).median(),
        "several_positive_targets_share": several / len(records),
        "unusable_leads_share": 1 - quality["usable"].mean(),
        "saturated_records_share": quality.loc[
            quality["flaw"] == "partly-saturated", "record_id"
        ].nunique()
        / len(records),
        "spearman_with_source": agreement["spearman"].to_dict(),
        "positives": positives,
        "groups_of_one_patient": int(tables["same_patient"]["group"].nunique()),
        "unlisted_diagnoses": tables["unlisted_diagnoses"]
        .groupby("target")["records"]
        .sum()
        .to_dict(),
    }
