"""The files of ZZU-pECG: WFDB headers and signals, the attribute table, the code tables.

Layout of Tan J et al. A pediatric ECG database with disease diagnosis covering 11643 children.
Sci Data 2025;12:867, doi 10.1038/s41597-025-05225-z (data: CC BY 4.0).
"""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import code_vocabularies

FS_HZ = 500  # as published
COLUMNS = (
    "Filename", "ECG_ID", "Patient_ID", "Age", "Gender", "Acquisition_date", "Sampling_point",
    "Lead", "AHA_code", "CHN_code", "ICD-10 code", "pSQI", "basSQI", "bSQI",
)  # fmt: skip
SIGNALS = "Child_ecg"
_HIGHEST = 32767  # the WFDB writer's range of format 16; -32768 means "no value"
_UPPER = {"aVR": "AVR", "aVL": "AVL", "aVF": "AVF"}


def record_path(ecg_id: str) -> str:
    """Return where a record lies below `SIGNALS`: ``P00/P00001/P00001_E01``."""
    patient = ecg_id.split("_")[0]
    return f"{patient[:3]}/{patient}/{ecg_id}"


def write_record(
    root: Path,
    ecg_id: str,
    signal_mv: NDArray[np.float64],
    leads: tuple[str, ...],
    comments: tuple[str, str, str],
) -> NDArray[np.float64]:
    """Write ``.dat`` and ``.hea`` of one record; return the mV that a reader gets back.

    Each lead has its own gain and baseline, so that its lowest sample is -32767.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV.

    Returns
    -------
    Shape (n_leads, n_samples), mV.
    """
    path = root / SIGNALS / record_path(ecg_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    low = signal_mv.min(axis=1)
    span = signal_mv.max(axis=1) - low
    gain = np.where(span > 0, (2 * _HIGHEST - 1) / np.where(span > 0, span, 1), 1.0)
    baseline = np.where(span > 0, np.trunc(-_HIGHEST - gain * low), -low).astype(np.int64)
    counts = np.rint(signal_mv * gain[:, None] + baseline[:, None]).astype(np.int64)
    counts = np.clip(counts, -_HIGHEST, _HIGHEST)
    samples = counts.T.astype("<i2")
    path.with_suffix(".dat").write_bytes(samples.tobytes())

    lines = [f"{ecg_id} {len(leads)} {FS_HZ} {signal_mv.shape[1]}"]
    for row, lead in enumerate(leads):
        checksum = int(counts[row].sum()) % 65536
        lines.append(
            f"{ecg_id}.dat 16 {float(gain[row])!r}({baseline[row]})/mV 16 0"
            f" {counts[row, 0]} {checksum} 0 {_UPPER.get(lead, lead)}"
        )
    lines += [f"# {comment}" for comment in comments]
    path.with_suffix(".hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return np.asarray((counts - baseline[:, None]) / gain[:, None])


def quoted(tokens: list[str]) -> str:
    """Write a cell of tokens: ``'C23';'D30+Modifier308'``."""
    return ";".join(f"'{token}'" for token in tokens)


def quality_cell(values: dict[str, float], leads: tuple[str, ...]) -> str:
    """Write a cell of one quality index per lead: ``'I':0.532;…;'V2':Null``."""
    return ";".join(
        f"'{lead}':{values[lead]:.3f}" if lead in values else f"'{lead}':Null" for lead in leads
    )


def write_tables(root: Path, rows: list[dict[str, str]]) -> None:
    """Write ``AttributesDictionary.csv`` and the two published code tables."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (root / "AttributesDictionary.csv").write_text(buffer.getvalue(), encoding="utf-8")
    shutil.copyfile(code_vocabularies.ECG_CODES, root / "ECGCode.csv")
    shutil.copyfile(code_vocabularies.DISEASE_CODES, root / "DiseaseCode.csv")


def disease_categories(icd10: list[str]) -> list[str]:
    """Return the published category of every key of a target disease, matched with its prefix."""
    return [disease.name for key in icd10 if (disease := code_vocabularies.disease_of(key))]
