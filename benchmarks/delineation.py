"""Our delineator, NeuroKit2's four methods and openecg's model: same records, same scorer, one run.

    python benchmarks/delineation.py --ludb PATH --qtdb PATH [--openecg-python PYTHON] [--out FILE]

Scores boundaries by `pedecg.delineator.boundary_scores` (tolerances P 50, QRS 40, T 50 and 100 ms)
on records that our weights (``--weights FOLDER``) did not learn from: those of its
``held_out.json``, or of ``--records FILE`` (JSON:
``{"ludb": ["1", …], "qtdb": ["sel100", …]}``).
Of QTDB, channel 1 of the records with half or more of their T onsets labelled, from 10 s before the
first to 10 s after the last label. openecg is found in this environment, or in that of ``--openecg-
python``.
"""

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")  # read when torch starts; each call says how many

import numpy as np
import pandas as pd
from delineators import NEUROKIT, Delineator, NeuroKit, OpenEcg, Ours
from tqdm import tqdm

from pedecg.core import params, tables
from pedecg.delineator import boundary_scores, simulated_records
from pedecg.waves import annotations, shipped_delineator
from pedecg.waves.annotations import Labelled

ROOT = Path(__file__).resolve().parents[1]
HELD_OUT = "held_out.json"
AROUND_S = 10.0
RATES_BPM = (*range(60, 200, 20), 190, *range(200, 301, 20))
FOUND_F1 = 0.9
EDGE_S = 1.0  # of a simulated record: a beat that its edge cuts is nobody's
NEAR_S = 0.04  # a wave is found where the middle of one lies within it, or so near to it
CPU_RECORDS = 20
WAVES = tables.WAVES_IN_ORDER
SD_LEAD = "II"


@dataclass
class Figures:
    """What one tool reached; None where there was nothing to score."""

    name: str
    cells: dict[str, str]
    sd_ms: dict[str, float]


def ludb(root: Path, wanted: set[str] | None, limit: int) -> list[Labelled]:
    return _chosen(annotations.read_ludb(root), wanted, limit)


def qtdb(root: Path, wanted: set[str] | None, limit: int) -> list[Labelled]:
    """Return the records with labelled T onsets, cut to what is labelled."""
    records = (r for r in annotations.read_qtdb(root) if _t_annotated(r))
    return [_cut(record) for record in _chosen(records, wanted, limit)]


def _chosen(records: Iterator[Labelled], wanted: set[str] | None, limit: int) -> list[Labelled]:
    """Return the wanted records; of more than `limit` as many, evenly spread."""
    found = [r for r in records if wanted is None or r.record_id in wanted]
    if limit and len(found) > limit:
        found = [found[round(at)] for at in np.linspace(0, len(found) - 1, limit)]
    return found


def _t_annotated(record: Labelled) -> bool:
    onsets = record.marks[0].of(annotations.T)[:, 0]
    return bool(len(onsets) and np.isfinite(onsets).mean() >= 0.5)


def _cut(record: Labelled) -> Labelled:
    """Cut a record to its labelled spans, and move its marks with it."""
    marks = record.marks[0]
    first = max(marks.spans.min() - AROUND_S, 0.0)
    begin, end = round(first * record.fs_hz), round((marks.spans.max() + AROUND_S) * record.fs_hz)
    by = begin / record.fs_hz
    moved = replace(
        marks,
        waves=marks.waves - [0, by, by, by],
        spans=marks.spans - by,
        unknown=marks.unknown - [0, by, by],
    )
    signal = record.signal_mv[:, begin:end]
    return replace(record, signal_mv=signal, marks=(moved,) * len(record.leads))


def simulated(rate_bpm: float, number: int) -> list[Labelled]:
    """Return healthy children at one heart rate; lead II alone is scored."""
    file = ROOT / "pipelines/delineation/params.yaml"
    settings = params.load("simulate", simulated_records.Settings, file).model_copy(
        update={"slowest_bpm": rate_bpm, "fastest_bpm": rate_bpm, "findings": 0.0, "seed": 977,
                "records": number}
    )  # fmt: skip
    found = []
    for k in range(number):
        child = simulated_records.simulate(k, settings)
        marks = annotations.marks_from_table(child.fiducials)
        found.append(
            Labelled(f"{rate_bpm}/{k}", "simulated", child.signal_mv[1:2], simulated_records.FS_HZ,
                     ("II",), (marks,))
        )  # fmt: skip
    return found


def waves_of(tool: Delineator, records: Sequence[Labelled], what: str) -> pd.DataFrame:
    """Delineate records with one tool."""
    parts = []
    for record in tqdm(records, desc=f"{what}: {tool.name}", disable=not sys.stderr.isatty()):
        waves, _ = tool(record.signal_mv, record.fs_hz, record.leads)
        parts.append(waves.assign(record_id=record.record_id))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def macro_f1(counts: pd.DataFrame) -> str:
    """Return macro F1 and its 95% interval over records (1,000 resamples, seed 0)."""
    pooled = counts.groupby(["record_id", "boundary"])[["tp", "fp", "fn"]].sum()
    table = pooled.to_numpy(float).reshape(-1, len(boundary_scores.BOUNDARIES), 3)
    draws = np.random.default_rng(0).integers(0, len(table), (1000, len(table)))
    tp, fp, fn = np.moveaxis(table[draws].sum(axis=1), -1, 0)
    low, high = np.percentile((2 * tp / np.maximum(2 * tp + fp + fn, 1)).mean(axis=1), [2.5, 97.5])
    return f"{_short(boundary_scores.macro_f1(counts))} ({_short(low)}-{_short(high)})"


def found_f1(waves: pd.DataFrame, records: Sequence[Labelled]) -> dict[str, float]:
    """Return per wave the F1 of being there: its middle in a true wave, or within 40 ms of it."""
    counts = dict.fromkeys(WAVES, (0, 0, 0))
    for record in records:
        mine = waves[waves["record_id"] == record.record_id]
        marks = record.marks[0]
        low, high = EDGE_S, record.signal_mv.shape[1] / record.fs_hz - EDGE_S
        for kind, wave in enumerate(WAVES):
            rows = mine[mine["wave"] == wave]
            middle = rows[["onset_s", "offset_s"]].mean(axis=1, skipna=False)
            times = np.unique(middle.fillna(rows["peak_s"]).dropna().to_numpy(float))
            true = marks.of(kind)[:, [0, 2]]
            true = true[(true[:, 0] >= low - NEAR_S) & (true[:, 1] <= high + NEAR_S)]
            times = times[(times >= true[:1, 0] - NEAR_S) & (times <= true[-1:, 1] + NEAR_S)]
            near = (times >= true[:, :1] - NEAR_S) & (times <= true[:, 1:] + NEAR_S)
            hit = near.any(axis=1).sum()
            unknown = marks.unknown[marks.unknown[:, 0] == kind, 1:]
            ignored = ((times >= unknown[:, :1]) & (times <= unknown[:, 1:])).any(axis=0)
            spare = max(int((~ignored | near.any(axis=0)).sum()) - hit, 0)
            counts[wave] = tuple(np.add(counts[wave], (hit, spare, len(true) - hit)))
    return {w: 2 * tp / max(2 * tp + fp + fn, 1) for w, (tp, fp, fn) in counts.items()}


def highest_rates(tool: Delineator, at_rate: dict[int, list[Labelled]]) -> str:
    """Return, for QRS, P and T, the rate up to which the wave is found at every rate tried."""
    highest = dict.fromkeys(WAVES, 0)
    open_still = set(WAVES)
    for rate in sorted(at_rate):
        f1 = found_f1(waves_of(tool, at_rate[rate], f"{rate} bpm"), at_rate[rate])
        open_still = {wave for wave in open_still if f1[wave] >= FOUND_F1}
        highest |= dict.fromkeys(open_still, rate)
    return " / ".join(str(highest[wave]) if highest[wave] else "-" for wave in ("QRS", "P", "T"))


def costs(tools: Sequence[Delineator], records: Sequence[Labelled]) -> dict[str, str]:
    """Return CPU ms in one thread and clock ms in two, medians; tools take turns."""
    taken: dict[tuple[str, int], list[float]] = {}
    for tool in tools:
        tool(records[0].signal_mv, records[0].fs_hz, records[0].leads)  # loads what it needs
    for record in records:
        for tool in tools:
            for threads in (1, 2):
                _, cost = tool(record.signal_mv, record.fs_hz, record.leads, threads)
                seconds = cost.cpu_s if threads == 1 else cost.wall_s
                taken.setdefault((tool.name, threads), []).append(1000 * seconds)
    return {
        tool.name: " / ".join(f"{np.median(taken[tool.name, t]):.0f}" for t in (1, 2))
        for tool in tools
    }


def of_tool(
    tool: Delineator,
    in_ludb: Sequence[Labelled],
    in_qtdb: Sequence[Labelled],
    at_rate: dict[int, list[Labelled]],
) -> Figures:
    """Score one tool on everything."""
    cells, sd = {}, {}
    if in_ludb:
        waves = waves_of(tool, in_ludb, "LUDB")
        counts = boundary_scores.count(waves, in_ludb)
        lead = counts[counts["lead"] == SD_LEAD]
        cells["LUDB, lead II"] = macro_f1(lead)
        cells["LUDB, 12 leads"] = macro_f1(counts)
        cells["P invented per QRS"] = _short(boundary_scores.invented_p(waves, in_ludb))
        sd = dict(boundary_scores.summary(lead).set_index("boundary")["sd_ms"])
    if in_qtdb:
        waves = waves_of(tool, in_qtdb, "QTDB")
        counts = boundary_scores.count(waves, in_qtdb)
        cells["QTDB, channel 1"] = macro_f1(counts[counts["lead"] == "ch1"])
    cells["QRS / P / T found up to, bpm"] = highest_rates(tool, at_rate)
    return Figures(tool.name, cells, sd)


def tools(weights: Path, openecg_python: str) -> tuple[list[Delineator], list[str]]:
    """Return the tools that are there, and a row for each that is not."""
    there: list[Delineator] = [Ours(weights), *(NeuroKit(method) for method in NEUROKIT)]
    try:
        if openecg_python == sys.executable and importlib.util.find_spec("openecg") is None:
            raise ImportError
        there.append(OpenEcg(openecg_python))
    except (ImportError, OSError):
        return there, [OpenEcg.name]
    return there, []


def markdown(figures: Sequence[Figures], absent: Sequence[str], columns: Sequence[str]) -> str:
    """Return both tables."""
    lines = ["| tool | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {tool.name} | " + " | ".join(tool.cells.get(c, "") for c in columns) + " |"
        for tool in figures
    ]
    lines += [f"| {name} | not installed |" + " |" * (len(columns) - 1) for name in absent]
    if any(tool.sd_ms for tool in figures):
        heads = [boundary.replace("_", " ") for boundary in boundary_scores.BOUNDARIES]
        lines += ["", f"SD of the signed error, LUDB lead {SD_LEAD}, ms:", ""]
        lines += ["| tool | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
        for tool in figures:
            sd = (tool.sd_ms.get(boundary, np.nan) for boundary in boundary_scores.BOUNDARIES)
            cells = ("-" if not np.isfinite(value) else f"{value:.1f}" for value in sd)
            lines.append(f"| {tool.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if np.isfinite(value) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ludb", type=Path, help="folder of LUDB")
    parser.add_argument("--qtdb", type=Path, help="folder of QTDB, official files")
    parser.add_argument(
        "--weights", type=Path, default=shipped_delineator.WEIGHTS, help="of our delineator"
    )
    parser.add_argument("--records", type=Path, help="JSON of the records to score per data set")
    parser.add_argument("--all", action="store_true", help="score training records too")
    parser.add_argument("--limit", type=int, default=0, help="records per data set, 0: all")
    parser.add_argument("--children", type=int, default=6, help="simulated children per rate")
    parser.add_argument("--openecg-python", default=sys.executable, help="a Python with openecg")
    parser.add_argument("--out", type=Path, help="also write the tables here")
    asked = parser.parse_args()

    listed = asked.records or asked.weights / HELD_OUT
    if not asked.all and not listed.is_file():
        parser.error(f"{listed} not found: which records did the weights not learn from? (--all)")
    apart = {} if asked.all else json.loads(listed.read_text(encoding="utf-8"))
    wanted = {name: None if asked.all else set(apart.get(name, [])) for name in ("ludb", "qtdb")}
    in_ludb = ludb(asked.ludb, wanted["ludb"], asked.limit) if asked.ludb else []
    in_qtdb = qtdb(asked.qtdb, wanted["qtdb"], asked.limit) if asked.qtdb else []
    at_rate = {rate: simulated(rate, asked.children) for rate in RATES_BPM}
    compared, absent = tools(asked.weights, asked.openecg_python)

    figures = [of_tool(tool, in_ludb, in_qtdb, at_rate) for tool in compared]
    columns = list(figures[0].cells)
    if in_ludb:
        took = costs(compared, in_ludb[:CPU_RECORDS])
        columns.append("ms per 12-lead 10 s: CPU, 1 thread / clock, 2 threads")
        for tool in figures:
            tool.cells[columns[-1]] = took[tool.name]
    which = "all records, training ones included" if asked.all else "records kept apart"
    said = (
        f"{len(in_ludb)} LUDB and {len(in_qtdb)} QTDB records ({which}); macro-F1 of the six "
        f"boundaries with 95% interval over records; {asked.children} simulated children per rate\n"
    )
    text = said + "\n" + markdown(figures, absent, columns)
    print(text)
    if asked.out:
        tables.write_text(text, asked.out)


if __name__ == "__main__":
    main()
