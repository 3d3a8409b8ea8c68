"""Scoring follows the protocol: optimal pairs, labelled spans, and nothing for what is unknown."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pedecg.core.errors import PedecgError
from pedecg.delineator import (
    annotated_library,
    annotation_sources,
    boundary_scores,
    delineation_metrics,
    record_split,
)
from pedecg.waves.annotations import QRS, Labelled, P, T, marks_of

WAVES = np.array([(P, 1.0, 1.05, 1.1), (QRS, 1.15, 1.2, 1.25), (T, np.nan, 1.5, 1.6),
                  (QRS, 2.15, 2.2, 2.25), (T, 2.4, 2.5, 2.6)])  # fmt: skip


@pytest.fixture
def record() -> Labelled:
    signal = np.random.default_rng(0).normal(size=(1, 2000)).astype(np.float32)
    return Labelled("ludb/1", "ludb", signal, 500.0, ("II",), (marks_of(WAVES),))


def found(*rows: tuple[str, float, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["wave", "onset_s", "offset_s"])
    return table.assign(record_id="ludb/1", lead="II")


def of(counts: pd.DataFrame, boundary: str) -> list[int]:
    row = counts.set_index("boundary").loc[boundary]
    return [row["tp"], row["fp"], row["fn"]]


def test_a_pair_counts_once_and_errors_are_signed(record):
    counts = boundary_scores.count(found(("QRS", 1.155, 1.24), ("QRS", 1.17, 1.3)), [record])
    assert of(counts, "qrs_onset") == [1, 1, 1]
    assert counts.set_index("boundary")["errors_ms"]["qrs_onset"] == pytest.approx([5.0])


def test_what_lies_outside_the_labelled_span_costs_nothing(record):
    counts = boundary_scores.count(found(("P", 0.2, 0.3), ("QRS", 3.0, 3.1)), [record])
    assert counts["fp"].sum() == 0


def test_an_unlabelled_t_onset_is_neither_right_nor_wrong(record):
    counts = boundary_scores.count(found(("T", 1.35, 1.6)), [record])
    assert of(counts, "t_onset") == [0, 0, 1]
    assert of(counts, "t_offset") == [1, 0, 1]


def test_pairs_are_as_many_as_can_be():
    left, right = boundary_scores.match(np.array([0.0, 0.04]), np.array([0.035, 0.08]), 0.04)
    assert (left.tolist(), right.tolist()) == ([0, 1], [0, 1])


def test_a_record_comes_back_from_the_library_as_it_went_in(record, tmp_path):
    annotated_library.write([record], tmp_path / "one")
    (back,) = annotation_sources.read(tmp_path / "one")
    assert (back.record_id, back.source, back.leads) == ("ludb/1", "ludb", ("II",))
    np.testing.assert_array_equal(back.signal_mv, record.signal_mv)
    for name in ("waves", "spans", "unknown"):
        np.testing.assert_array_equal(
            getattr(back.marks[0], name), getattr(record.marks[0], name), name
        )


def test_every_source_is_split_by_the_same_fractions():
    ids = [f"{source}/{i}" for source in ("ludb", "qtdb") for i in range(20)]
    records = pd.DataFrame(
        {"record_id": ids, "patient_id": ids, "source": [name.split("/")[0] for name in ids]}
    )
    settings = record_split.Settings(
        seed=1, fractions=[0.5, 0.25, 0.25], held_out={}, folds=0, fold=0
    )
    parts = record_split.by_record(records, settings).merge(records, on=["record_id", "patient_id"])
    counts = parts.groupby(["source", "split"]).size()
    assert counts["ludb"].to_dict() == counts["qtdb"].to_dict()
    assert counts["ludb", "train"] == 10
    again = record_split.by_record(records, settings)
    pd.testing.assert_frame_equal(again, parts[again.columns])


def library_of(**sizes: int) -> pd.DataFrame:
    ids = [f"{source}/{i}" for source, size in sizes.items() for i in range(size)]
    return pd.DataFrame(
        {"record_id": ids, "patient_id": ids, "source": [name.split("/")[0] for name in ids]}
    )


def test_records_held_out_are_in_test_and_the_fractions_divide_the_rest():
    settings = record_split.Settings(
        seed=1, fractions=[1.0, 0.0, 0.0], held_out={"ludb": [3, "11"]}, folds=0, fold=0
    )
    parts = record_split.by_record(library_of(ludb=20, qtdb=10), settings)
    apart = parts.loc[parts["split"] != "train", "record_id"]
    assert sorted(apart) == ["ludb/11", "ludb/3"]
    assert record_split.not_learnt_from(parts) == {"ludb": ["3", "11"]}


def test_a_record_to_be_held_out_that_is_not_there_is_named():
    settings = record_split.Settings(
        seed=1, fractions=[1.0, 0.0, 0.0], held_out={"ludb": ["sel301"]}, folds=0, fold=0
    )
    with pytest.raises(PedecgError, match=r"split\.held_out\.ludb: no record 'sel301'"):
        record_split.by_record(library_of(ludb=20), settings)
    record_split.by_record(library_of(qtdb=3), settings)  # LUDB is not among the sources


def test_only_the_libraries_named_are_split(record, tmp_path):
    for name in ("cohort", "old"):
        annotated_library.write([replace(record, record_id=f"ludb/{name}")], tmp_path / name)
    assert annotated_library.table(tmp_path, ["cohort"])["record_id"].tolist() == ["ludb/cohort"]


def test_frames_of_20_ms_are_counted_within_the_labelled_span(record):
    perfect = found(("P", 1.0, 1.1), ("QRS", 1.15, 1.25), ("QRS", 2.15, 2.25), ("T", 2.4, 2.6))
    frames = boundary_scores.frame_f1(boundary_scores.frames(perfect, [record])).set_index("wave")
    assert frames.loc["P", ["tp", "fp", "fn", "f1"]].tolist() == [5, 0, 0, 1]
    assert frames.loc["QRS", "f1"] == 1
    outside = pd.concat([perfect, found(("P", 0.1, 0.2), ("P", 3.0, 3.2))])
    assert (
        boundary_scores.frame_f1(boundary_scores.frames(outside, [record]))["f1"].tolist()
        == frames["f1"].tolist()
    )


def test_the_report_names_the_worst_lead_and_groups_heart_rates(record):
    two = replace(record, leads=("II", "V1"), signal_mv=np.tile(record.signal_mv, (2, 1)),
                  marks=record.marks * 2)  # fmt: skip
    waves = found(("P", 1.0, 1.1), ("QRS", 1.15, 1.25), ("QRS", 2.15, 2.25), ("T", 2.4, 2.6))
    figures = delineation_metrics.headline(waves, [two])["ludb"]
    assert figures["leads"]["worst"] == "V1"
    assert figures["leads"]["macro_f1"]["V1"] == 0
    assert list(figures["frame_f1"]) == ["P", "QRS", "T"]
    settings = delineation_metrics.Settings(split="test", rate_edges_bpm=[0, 50, 100])
    tables_ = delineation_metrics.details(waves, [two], settings)
    assert set(tables_["boundaries_by_rate"]["heart_rate_bpm"]) == {"50-100"}
    assert list(tables_["boundaries_by_lead"]["lead"].unique()) == ["II", "V1"]
    outside = delineation_metrics.Settings(split="test", rate_edges_bpm=[80, 100])
    assert set(
        delineation_metrics.details(waves, [two], outside)["boundaries_by_rate"]["heart_rate_bpm"]
    ) == {"other"}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("source", ["ludb", "qtdb"])
def test_figures_agree_with_the_neutral_scorer(source, shared_data):
    tool = shared_data.parent / "tools" / "score_delineation.py"
    if not tool.is_file():
        pytest.skip(f"no neutral scorer: {tool} does not exist")
    neutral = _module(tool)
    records = list(annotation_sources.read(shared_data / source))[::10]
    rng = np.random.default_rng(0)
    rows = [
        (record.record_id, lead, ["P", "QRS", "T"][int(kind)], *(np.array([on, off]) + shift))
        for record in records
        for lead, marks in zip(record.leads, record.marks, strict=True)
        for kind, on, _, off in marks.waves[rng.random(len(marks.waves)) < 0.9]
        for shift in [rng.normal(0, 0.03)]
    ]
    waves = pd.DataFrame(rows, columns=["record_id", "lead", "wave", "onset_s", "offset_s"])
    theirs = waves.rename(columns={"onset_s": "onset", "offset_s": "offset"}).assign(
        record=waves["record_id"].str.split("/").str[1], lead=waves["lead"].str.lower()
    )
    names = {record.record_id.split("/")[1] for record in records}
    references = neutral.load_references(shared_data / source, None, names)
    wanted = neutral.score(theirs, references, neutral.TOLERANCES["strict"])
    assert boundary_scores.macro_f1(boundary_scores.count(waves, records)) == pytest.approx(
        wanted["macro_f1"]
    )


def _module(path):
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
