"""What the delineation pipeline says about a delineator: one headline and tables behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from pedecg.params import Section
from pedecg.waves import learned, score
from pedecg.waves.annotations import Labelled


class Settings(Section):
    """Section `evaluate` of the delineation pipeline."""

    split: Literal["validation", "test"] = Field(description="records that are scored")
    rate_edges_bpm: list[float] = Field(description="edges of the groups of heart rates")


def waves_of(record: Labelled, folder: Path) -> pd.DataFrame:
    """Delineate one record by the weights of a folder; columns of `tables.WAVES`."""
    waves = learned.delineate(record.signal_mv, record.fs_hz, record.leads, folder)
    waves.insert(0, "record_id", record.record_id)
    return waves


def headline(waves: pd.DataFrame, records: Sequence[Labelled]) -> dict[str, Any]:
    """Return macro F1, frame F1 and invented P waves for each source."""
    found = {}
    for source in sorted({record.source for record in records}):
        own = [record for record in records if record.source == source]
        counts = score.count(waves, own)
        table = score.summary(counts).set_index("boundary")
        found[source] = {
            "records": len(own),
            "macro_f1": score.macro_f1(counts),
            "f1": table["f1"].to_dict(),
            "sd_ms": table["sd_ms"].to_dict(),
            "frame_f1": score.frame_f1(waves, own),
            "invented_p_per_qrs": score.invented_p(waves, own),
        }
    return found


def details(
    waves: pd.DataFrame, records: Sequence[Labelled], settings: Settings
) -> dict[str, pd.DataFrame]:
    """Return tables of every boundary by source, by lead and by heart rate."""
    counts = score.count(waves, records)
    counts["rate_group"] = pd.cut(counts["rate_bpm"], settings.rate_edges_bpm).astype(str)
    return {
        "by_boundary": score.summary(counts, ["source"]),
        "by_lead": score.summary(counts, ["source", "lead"]),
        "by_rate": score.summary(counts, ["source", "rate_group"]),
    }
