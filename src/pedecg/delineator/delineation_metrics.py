"""What the delineation pipeline says about a delineator: one headline and tables behind it."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, field_validator

from pedecg.core.params import Section
from pedecg.delineator import boundary_scores
from pedecg.waves import delineator_inference
from pedecg.waves.annotations import Labelled


class Settings(Section):
    """Section `evaluate` of the delineation pipeline."""

    split: Literal["validation", "test"] = Field(
        description="records that are scored; validation while choosing parameters"
    )
    rate_edges_bpm: list[float] = Field(
        min_length=2, description="edges of the groups of heart rates, beats per minute, rising"
    )

    @field_validator("rate_edges_bpm")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if any(high <= low for low, high in itertools.pairwise(value)):
            raise ValueError(f"must rise (found {value})")
        return value


def waves_of(record: Labelled, folder: Path) -> pd.DataFrame:
    """Delineate one record by the weights of a folder; columns of `tables.WAVES`."""
    waves = delineator_inference.delineate(record.signal_mv, record.fs_hz, record.leads, folder)
    waves.insert(0, "record_id", record.record_id)
    return waves


def headline(waves: pd.DataFrame, records: Sequence[Labelled]) -> dict[str, Any]:
    """Return, for each source, boundary F1, spread, frame F1 at 20 ms, leads and invented P."""
    found = {}
    for source in sorted({record.source for record in records}):
        own = [record for record in records if record.source == source]
        counts = boundary_scores.count(waves, own)
        table = boundary_scores.summary(counts).set_index("boundary")
        frames = boundary_scores.frame_f1(boundary_scores.frames(waves, own)).set_index("wave")
        found[source] = {
            "records": len(own),
            "macro_f1": boundary_scores.macro_f1(counts),
            "f1": table["f1"].to_dict(),
            "mean_error_ms": table["mean_ms"].to_dict(),
            "sd_error_ms": table["sd_ms"].to_dict(),
            "frame_f1": frames["f1"].to_dict(),
            "leads": _robustness(counts),
            "invented_p_per_qrs": boundary_scores.invented_p(waves, own),
        }
    return found


def details(
    waves: pd.DataFrame, records: Sequence[Labelled], settings: Settings
) -> dict[str, pd.DataFrame]:
    """Return tables of every boundary by source, lead and heart rate, and of frames by lead."""
    counts = boundary_scores.count(waves, records)
    counts["heart_rate_bpm"] = _rate_groups(counts["rate_bpm"], settings.rate_edges_bpm)
    by_rate = counts.sort_values("rate_bpm", kind="stable")
    leads = ["source", "lead"]
    return {
        "boundaries": boundary_scores.summary(counts, ["source"]),
        "boundaries_by_lead": boundary_scores.summary(counts, leads),
        "boundaries_by_rate": boundary_scores.summary(by_rate, ["source", "heart_rate_bpm"]),
        "frames_by_lead": boundary_scores.frame_f1(boundary_scores.frames(waves, records), leads),
    }


def _robustness(counts: pd.DataFrame) -> dict[str, Any]:
    """Return how the macro F1 differs between leads: the best, the worst, the spread."""
    by_lead = boundary_scores.summary(counts, ["lead"]).groupby("lead", sort=False)["f1"].mean()
    return {
        "macro_f1": by_lead.to_dict(),
        "worst": str(by_lead.idxmin()),
        "sd": float(by_lead.std(ddof=0)),
    }


def _rate_groups(rate_bpm: pd.Series, edges: list[float]) -> pd.Series:
    names = [f"{low:g}-{high:g}" for low, high in itertools.pairwise(edges)]
    groups = pd.cut(rate_bpm, edges, labels=names, right=False).astype(object)
    return groups.where(groups.notna(), "other")
