"""Agreement of our measurements with those that vendors' programs wrote into their XML files.

Every file is measured as the stages `preprocess`, `delineate` and `rule_features` of the root
pipeline do.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pedecg.cohorts.formats import vendor_xml
from pedecg.cohorts.record_check import IngestSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import parallel, params
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS, EcgRecord
from pedecg.rules import measure
from pedecg.signals import pacing_spikes, padding, preprocess, quality
from pedecg.waves import delineate

MV_PER_COUNT = 0.001  # of the signal store
# Largest difference that two readers of one ECG may have.
TOLERANCES = {
    "heart_rate_bpm": 2.0, "pr_ms": 12.0, "qrs_ms": 12.0, "qt_ms": 20.0,
    "qrs_axis_deg": 15.0, "t_axis_deg": 15.0, "p_axis_deg": 15.0,
}  # fmt: skip
COLUMNS = ("file", "program", "measure", "vendor", "pedecg", "difference")


@dataclass(frozen=True)
class Measurement:
    """The parameters of the root pipeline by which a record is measured."""

    limits: IngestSettings
    filtering: preprocess.PreprocessSettings
    waves: delineate.DelineateSettings


def measurement(file: Path) -> Measurement:
    """Read the parameters from the ``params.yaml`` of the root pipeline."""
    return Measurement(
        params.load("ingest", IngestSettings, file),
        params.load("preprocess", preprocess.PreprocessSettings, file),
        params.load("delineate", delineate.DelineateSettings, file),
    )


def measured(record: EcgRecord, by: Measurement) -> dict[str, float]:
    """Measure one record; a measure that cannot be taken is NaN."""
    record = padding.trimmed(record)
    usable = quality.lead_quality(record.signal, record.fs_hz, by.limits).usable
    refused = frozenset(np.array(record.leads)[~usable].tolist())
    counts, mask, _ = preprocess.prepare(record, refused, by.filtering)
    signal = counts * MV_PER_COUNT
    waves = delineate.delineate(signal, by.filtering.fs_hz, LEADS, by.waves, mask)
    spikes_s = pacing_spikes.of_pacemaker(record.signal[usable], record.fs_hz)
    return measure.measure(waves, signal, by.filtering.fs_hz, LEADS, mask, spikes_s=spikes_s)


def compare(file: Path, below: Path, by: Measurement) -> pd.DataFrame | str:
    """Return one row per measurement that the file holds, or why there is none.

    Axes are compared on the circle.
    """
    try:
        ecg = vendor_xml.read(file)
    except RecordFault as fault:
        return f"{fault.reason}: {fault.detail}"
    wanted = {name: ecg.measurements[name] for name in TOLERANCES if name in ecg.measurements}
    if not wanted:
        return f"{file.name}: holds no measurements"
    ours = measured(ecg.record, by)
    rows = pd.DataFrame({"measure": list(wanted), "vendor": list(wanted.values())})
    rows["pedecg"] = [float(ours.get(name, np.nan)) for name in wanted]
    rows["difference"] = rows["pedecg"] - rows["vendor"]
    angle = rows["measure"].str.endswith("_deg")
    rows.loc[angle, "difference"] = (rows.loc[angle, "difference"] + 180) % 360 - 180
    rows.insert(0, "file", file.relative_to(below).as_posix())
    rows.insert(1, "program", ecg.vendor)
    return rows[list(COLUMNS)]


def compare_all(folder: Path, by: Measurement) -> tuple[pd.DataFrame, list[str]]:
    """Compare every XML file below a folder; return the rows, and a line for each file without.

    Raises
    ------
    PedecgError
        No file holds measurements.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".xml")
    results = list(parallel.records(partial(compare, below=folder, by=by), files, "measure"))
    rows = [result for result in results if not isinstance(result, str)]
    if not rows:
        raise PedecgError(
            f"data.vendor_xml: no file with measurements in {folder}; expected GE MUSE, Philips "
            "Sierra or HL7 aECG"
        )
    faults = [result for result in results if isinstance(result, str)]
    return pd.concat(rows, ignore_index=True), faults


def agreement(rows: pd.DataFrame) -> dict[str, Any]:
    """Return for each program and measure: files, measured by us, share within, bias, SD, worst.

    A measure that we could not take counts as not within the tolerance.
    """
    table: dict[str, dict[str, Any]] = {}
    for (program, name), group in rows.groupby(["program", "measure"], sort=False):
        differences = group["difference"].dropna()
        within = int((differences.abs() <= TOLERANCES[str(name)]).sum())
        table.setdefault(str(program), {})[str(name)] = {
            "files": len(group),
            "measured": len(differences),
            "tolerance": TOLERANCES[str(name)],
            "within_fraction": within / len(group),
            "bias": float(differences.mean()),
            "sd": float(differences.std(ddof=1)),
            "largest": float(differences.abs().max()),
        }
    return table
