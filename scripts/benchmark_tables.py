"""The tables of published figures, from ``pipelines/benchmarks/published/``; see docs_tables."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).resolve().parents[1] / "pipelines" / "benchmarks" / "published"
EARLIER = "earlier"  # figures of scripts that this pipeline replaced and has not measured again
_MARKS = re.compile(
    r"(<!-- benchmark (\w+): begin -->\n).*?(<!-- benchmark \2: end -->)", re.DOTALL
)
_SUPERCLASSES = ("norm", "mi", "sttc", "cd", "hyp")
_RHYTHMS = ("normal", "af", "other", "noisy")
_WITHOUT_SIGNAL = ("age_sex", "rules")  # how names of models begin that read no signal
_DELINEATORS = {"pedecg": "pedecg, shipped weights (trained on these records)"}


def renewed(text: str, folder: Path = PUBLISHED) -> str:
    """Return a page with every benchmark table between its marks made anew."""
    return _MARKS.sub(lambda marks: marks[1] + TABLES[marks[2]](folder) + marks[3], text)


def delineation(folder: Path = PUBLISHED) -> str:
    """Return the table of delineators, a Markdown text."""
    ludb, qtdb, rates = (
        _read(folder, name) for name in ("delineation_ludb", "delineation_qtdb", "heart_rates")
    )
    head = [
        "delineator", "LUDB, lead II", "LUDB, 12 leads", "QTDB, channel 1", "false P per QRS",
        "QRS / P / T detected up to, bpm (simulated)", "records of LUDB, QTDB", "measured",
    ]  # fmt: skip
    rows = [
        [
            _delineator_name(name, ludb),
            _estimate(ludb["delineators"][name]["lead_ii"]["macro_f1"]),
            _estimate(ludb["delineators"][name]["all_leads"]["macro_f1"]),
            _estimate(qtdb["delineators"][name]["channel_1"]["macro_f1"]),
            _short(ludb["delineators"][name]["false_p_per_qrs"], 2),
            _up_to(rates["detected_up_to_bpm"].get(name, {})),
            f"{ludb['records']}, {qtdb['records']}",
            _measured(ludb["measured"]),
        ]
        for name in ludb["delineators"]
    ]
    rows += [
        [
            name,
            _estimate(row["lead_ii"]),
            _estimate(row["all_leads"]),
            _estimate(row["channel_1"]),
            _short(row["false_p_per_qrs"], 2),
            _up_to(row["detected_up_to_bpm"]),
            f"{row['records']['ludb']}, {row['records']['qtdb']}",
            _measured(row["measured"], earlier=True),
        ]
        for name, row in _read(folder, EARLIER)["delineators"].items()
    ]
    return _markdown(head, rows)


def ptbxl(folder: Path = PUBLISHED) -> str:
    """Return the table of models on PTB-XL, a Markdown text."""
    columns = ["auroc_macro", *(f"auroc_{name}" for name in _SUPERCLASSES)]
    return _models("ptbxl", ["macro AUROC", *_SUPERCLASSES], columns, folder)


def cinc2017(folder: Path = PUBLISHED) -> str:
    """Return the table of models on CinC 2017, a Markdown text."""
    columns = ["f1_challenge", *(f"f1_{name}" for name in _RHYTHMS)]
    return _models("cinc2017", ["challenge score", *_RHYTHMS], columns, folder)


def vendor_agreement(folder: Path = PUBLISHED) -> str:
    """Return the table of agreement with vendors' measurements, a Markdown text."""
    published = _read(folder, "vendor_agreement")
    head = ["program", "measure", "files", "measured", "tolerance", "within", "bias", "largest"]
    rows = [
        [
            program, f"`{measure}`", str(row["files"]), str(row["measured"]),
            f"{row['tolerance']:g}", f"{row['within_fraction']:.0%}", _plain(row["bias"]),
            _plain(row["largest"]),
        ]
        for program, measures in published["programs"].items()
        for measure, row in measures.items()
    ]  # fmt: skip
    return _markdown(head, rows)


def criterion_agreement(folder: Path = PUBLISHED) -> str:
    """Return the table of criteria against the statements of PTB-XL, a Markdown text."""
    published = _read(folder, "criterion_agreement")
    head = ["finding", "statements", "positive records", "sensitivity", "specificity", "unknown"]
    rows = [
        [
            name, ", ".join(row["statements"]), str(row["positives"]),
            _estimate(row["sensitivity"]) if row["sensitivity"] else "none",
            _estimate(row["specificity"]), str(row["unknown"]),
        ]
        for name, row in published["findings"].items()
    ]  # fmt: skip
    return _markdown(head, rows)


def _models(cohort: str, titles: Sequence[str], columns: Sequence[str], folder: Path) -> str:
    published = _read(folder, cohort)
    head = ["model", *titles, "mean ± SD of repeats", "repeats", "records", "measured"]

    def row(name: str, of: Mapping[str, Any], about: Mapping[str, Any], earlier: bool) -> list[str]:
        first = of[columns[0]]
        return [
            " + ".join(f"`{part}`" for part in name.split(" + ")),
            _estimate(first),
            *(_short(of[column]["value"]) for column in columns[1:]),
            "" if first.get("sd") is None else f"{_short(first['mean'])} ± {_short(first['sd'])}",
            str(of["repeats"]),
            str(about["records"]),
            _measured(about["measured"], earlier),
        ]

    rows = [row(name, of, published, False) for name, of in published["models"].items()]
    rows += [
        row(name, of, of, True)
        for name, of in _read(folder, EARLIER)[cohort].items()
        if name not in published["models"]
    ]
    return _markdown(head, rows)


def headline(folder: Path = PUBLISHED) -> str:
    """Return the table of the README: the best of pedecg beside the best alternative measured."""
    earlier = _read(folder, EARLIER)
    rows_of = {name.partition(",")[0]: row for name, row in earlier["delineators"].items()}
    pedecg = rows_of["pedecg"]
    openecg_name, openecg = next(item for item in rows_of.items() if item[0] != "pedecg")
    records = pedecg["records"]
    rows = [
        [
            f"boundaries of P, QRS, T: macro F1, {data} ({records[cohort]} records)",
            _estimate(pedecg[key]), f"{openecg_name}: {_estimate(openecg[key])}",
        ]
        for data, cohort, key in (
            ("LUDB, 12 leads", "ludb", "all_leads"), ("QTDB, channel 1", "qtdb", "channel_1"),
        )
    ]  # fmt: skip
    rows.append([
        "false P waves per QRS where there is none",
        _short(pedecg["false_p_per_qrs"], 2),
        f"{openecg_name}: {_short(openecg['false_p_per_qrs'], 2)}",
    ])  # fmt: skip
    rows.append([
        "QRS / P / T detected up to, bpm (simulated)",
        _up_to(pedecg["detected_up_to_bpm"]),
        f"{openecg_name}: {_up_to(openecg['detected_up_to_bpm'])}",
    ])  # fmt: skip
    for cohort, title, metric in (
        ("ptbxl", "PTB-XL, five superclasses: macro AUROC", "auroc_macro"),
        ("cinc2017", "CinC 2017, rhythm of one lead: challenge score", "f1_challenge"),
    ):
        published = _read(folder, cohort)
        best = max(published["models"].items(), key=lambda item: item[1][metric]["value"])
        networks = [
            item
            for item in (published["models"] | earlier[cohort]).items()
            if not item[0].startswith(_WITHOUT_SIGNAL)
        ]
        network = max(networks, key=lambda item: item[1][metric]["value"])
        rows.append([
            f"{title} ({published['records']} records, cross-validated)",
            f"{_estimate(best[1][metric])}, `{best[0]}`",
            f"network on the signal, `{network[0]}`: {_estimate(network[1][metric])}",
        ])  # fmt: skip
    return _markdown(["question", "pedecg", "compared with"], rows)


TABLES = {
    "headline": headline,
    "delineation": delineation,
    "ptbxl": ptbxl,
    "cinc2017": cinc2017,
    "vendor_agreement": vendor_agreement,
    "criterion_agreement": criterion_agreement,
}


def _read(folder: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return values


def _delineator_name(name: str, published: Mapping[str, Any]) -> str:
    if name == "pedecg" and published["pedecg_training_records"] < published["records"]:
        return "pedecg"
    library, _, method = name.partition("_")
    version = published["versions"].get(library)
    return f"{library} {version} {method}" if version else _DELINEATORS.get(name, name)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _estimate(figure: Mapping[str, float]) -> str:
    return f"{_short(figure['value'])} ({_short(figure['low'])}-{_short(figure['high'])})"


def _up_to(by_wave: Mapping[str, float | None]) -> str:
    highest = (by_wave.get(wave) for wave in ("QRS", "P", "T"))
    return " / ".join("-" if rate is None else f"{rate:g}" for rate in highest)


def _measured(by: Mapping[str, str], earlier: bool = False) -> str:
    return f"{'earlier, by script: ' if earlier else ''}{by['date']}, `{by['commit']}`"


def _short(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}".removeprefix("0")


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
