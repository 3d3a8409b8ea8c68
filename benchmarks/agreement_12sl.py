"""Our measurements against those that vendors' programs wrote into their XML files.

`python benchmarks/agreement_12sl.py FOLDER… [--out differences.csv]` reads every GE MUSE, Philips
Sierra and HL7 aECG file below the folders, measures it as the stages `preprocess`, `delineate` and
`rule_features` do with the parameters of params.yaml, and prints for each program (12SL is GE's)
and each measure how many files have both figures, the share within tolerance, and bias and SD of
ours minus theirs. Axes are compared on the circle. Files that cannot be read are listed with the
reason. `--out` gets one row per file and measure: path below its folder, theirs, ours, difference.
`PEDECG_JOBS` sets the number of processes.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.cohorts import vendor_xml
from pedecg.cohorts.record_check import IngestSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import parallel, params
from pedecg.core.records import LEADS, EcgRecord
from pedecg.rules import measure
from pedecg.signals import preprocess, quality
from pedecg.waves import delineate

ROOT = Path(__file__).resolve().parents[1]
PARAMS = ROOT / "params.yaml"
MV_PER_COUNT = 0.001  # of the signal store
# How far apart two readers of one ECG may be.
TOLERANCES = {
    "heart_rate_bpm": 2.0, "pr_ms": 12.0, "qrs_ms": 12.0, "qt_ms": 20.0,
    "qrs_axis_deg": 15.0, "t_axis_deg": 15.0, "p_axis_deg": 15.0,
}  # fmt: skip
COLUMNS = ("file", "program", "measure", "theirs", "ours", "difference")


def ours(record: EcgRecord) -> dict[str, float]:
    """Measure one record as the root pipeline does; a measure that was not found is NaN."""
    limits = params.load("ingest", IngestSettings, PARAMS)
    settings = params.load("preprocess", preprocess.PreprocessSettings, PARAMS)
    seen = quality.lead_quality(record.signal, record.fs_hz, limits)
    refused = frozenset(np.array(record.leads)[~seen.usable].tolist())
    counts, mask, _ = preprocess.prepare(record, refused, settings)
    signal = counts * MV_PER_COUNT
    how = params.load("delineate", delineate.DelineateSettings, PARAMS)
    waves = delineate.delineate(signal, settings.fs_hz, LEADS, how, mask)
    return measure.measure(waves, signal, settings.fs_hz, LEADS, mask)


def compare(file: Path, below: Path) -> pd.DataFrame | str:
    """Return one row per measure that the file has, or why there is none."""
    try:
        ecg = vendor_xml.read(file)
    except RecordFault as fault:
        return f"{fault.reason}: {fault.detail}"
    wanted = {name: ecg.measurements[name] for name in TOLERANCES if name in ecg.measurements}
    if not wanted:
        return f"{file.name}: holds no measurements"
    found = ours(ecg.record)
    rows = pd.DataFrame({"measure": list(wanted), "theirs": list(wanted.values())})
    rows["ours"] = [float(found.get(name, np.nan)) for name in wanted]
    rows["difference"] = rows["ours"] - rows["theirs"]
    turned = rows["measure"].str.endswith("_deg")
    rows.loc[turned, "difference"] = (rows.loc[turned, "difference"] + 180) % 360 - 180
    rows.insert(0, "file", file.relative_to(below).as_posix())
    rows.insert(1, "program", ecg.vendor)
    return rows[list(COLUMNS)]


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per program and measure: files, found by us, share within, bias, SD."""
    table = []
    for (program, name), group in rows.groupby(["program", "measure"], sort=False):
        both = group["difference"].dropna()
        within = (both.abs() <= TOLERANCES[name]).sum()
        table.append(
            {
                "program": program,
                "measure": name,
                "files": len(group),
                "found": len(both),
                "tolerance": TOLERANCES[name],
                # Not found is not within: nothing is gained by measuring only the easy ones.
                "within": within / len(group),
                "bias": both.mean(),
                "sd": both.std(ddof=1) if len(both) > 1 else np.nan,
                "worst": both.abs().max(),
            }
        )
    return pd.DataFrame(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="CSV of every difference")
    asked = parser.parse_args()
    tables, faults = [], []
    for folder in asked.folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".xml")
        found = parallel.records(partial(compare, below=folder), files, "measure")
        for one in found:
            (faults if isinstance(one, str) else tables).append(one)
    for line in faults:
        print(f"not compared: {line}", file=sys.stderr)
    if not tables:
        sys.exit("error: no file with measurements; expected GE MUSE, Philips Sierra or HL7 aECG")
    rows = pd.concat(tables, ignore_index=True)
    if asked.out:
        rows.to_csv(asked.out, index=False, float_format="%.6g")
    print(agreement(rows).to_string(index=False, float_format=lambda value: f"{value:.2f}"))


if __name__ == "__main__":
    main()
