"""Versions of the files whose columns or keys have changed, and the command that rewrites each.

A file that is not listed has version 1 and does not state it.
"""

from dataclasses import dataclass

from pedecg.core.errors import PedecgError

KEY = "schema_version"  # in the metadata of a parquet table, and at the top of a JSON file


@dataclass(frozen=True)
class Schema:
    """The current version of a file, and the command that rewrites it."""

    version: int
    command: str


SCHEMAS = {
    # 2: rail_fraction became saturated_fraction, the flaw railed became partly-saturated
    "quality": Schema(2, "dvc repro ingest"),
    # 2: the paired differences are in plots/compare/differences.csv only
    "compare": Schema(2, "dvc repro compare"),
    # 2: auroc.home and auroc.abroad became auroc.internal and auroc.external
    # 3: both by the name of the external cohort
    "external_summary": Schema(3, "dvc repro external_table"),
    # 2: called became positive
    "attribution shares": Schema(2, "dvc repro explain"),
    # 2: called became positive
    # 3: fall became logit_decrease
    "regions replaced by the normal beat": Schema(3, "dvc repro explain"),
    # 2: fall became logit_decrease
    "explain": Schema(2, "dvc repro explain"),
    "explain_truth": Schema(2, "dvc repro explain_truth"),
    # 2: rr_turns and rr_lag1 became rr_turning_points and rr_autocorrelation
    # 3: strip_rr_calm, _typical and _wild became strip_rr_window_cv_min, _median and _max; other
    #    strip_rr_ columns have the names of heart rate variability too (rmssd, sd1_sd2)
    # 4: strip_ columns have standard terms (strip_beyond became strip_deviation_total, strip_sound
    #    strip_clean_interval_fraction, …); slur_ms, qrs_early_axis_deg, qrs_chest_mv, rr_shortest,
    #    rr_longest and rr_early became delta_wave_ms, qrs_initial_axis_deg, qrs_precordial_mv,
    #    rr_p5_to_median, rr_p95_to_median and rr_short_share
    "rules": Schema(4, "dvc repro rule_features"),
    # 2: read_qrs_chest_mv became read_qrs_precordial_mv
    "truth": Schema(2, "dvc repro simulate"),
    # 2: confusion.called became confusion.predicted
    "evaluate": Schema(2, "dvc repro evaluate evaluate_ensemble"),
    # 2: railed_records became records_with_saturated_samples
    "ingest": Schema(2, "dvc repro ingest"),
    "ingest_external": Schema(2, "dvc repro ingest_external"),
    # 2: rail_records_share became saturated_records_share
    "audit": Schema(2, "dvc repro audit"),
    # 2: lead_limits.rail_mv and max_rail_fraction became saturation_mv and max_saturated_fraction
    # 3: the hashes moved to manifest.json
    # 4: tables and trainings: models of tables, hybrids and the ensemble
    "bundle": Schema(4, "pedecg bundle"),
}


def current(name: str) -> int:
    """Return the version that is written today."""
    return SCHEMAS[name].version if name in SCHEMAS else 1


def check(name: str, found: object, path: object) -> None:
    """Refuse a file of another version.

    Parameters
    ----------
    name : of the table's schema or of the metrics file.
    found : the version that the file states; None where it states none, which is version 1.
    path : of the file, for the message.

    Raises
    ------
    PedecgError
        Names the file, both versions and the command that rewrites the file.
    """
    version = "1" if found is None else str(found)
    if version != str(current(name)):
        known = SCHEMAS.get(name)
        mend = f"rewrite it with: {known.command}" if known else "update pedecg"
        raise PedecgError(
            f"{path}: {KEY} is {version}, this version of pedecg reads {current(name)}; {mend}"
        )
