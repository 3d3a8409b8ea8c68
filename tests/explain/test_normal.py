"""The normal heart of an age, and a record with its waves put back to it."""

import numpy as np
import pandas as pd
import planted
import pytest
from planted import SETTINGS

from pedecg.cohorts import normal_records
from pedecg.core import tables
from pedecg.explain import attribution, beat_regions, explain_tables, normal_beats, sanity_checks
from pedecg.signals import signal_store

FS_HZ = 250.0
LEADS = ("I", "II")
BEATS_S = np.arange(0.4, 5.0, 0.8)
COLUMNS = ["wave", "onset_s", "peak_s", "offset_s"]


def waves(beats_s=BEATS_S) -> pd.DataFrame:
    rows = []
    for r in beats_s:
        rows += [("P", r - 0.18, r - 0.14, r - 0.1), ("QRS", r - 0.04, r, r + 0.04),
                 ("T", r + 0.16, r + 0.24, r + 0.32)]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def heart(st_mv: float = 0.0, t_mv: float = 0.4, r_mv: float = 1.0, wander_mv: float = 0.0):
    """Return two leads, mV, shape (2, n); lead II is half as high."""
    time = np.arange(round(5.2 * FS_HZ)) / FS_HZ
    signal = wander_mv * np.sin(2 * np.pi * time / 5.0)
    for r in BEATS_S:
        signal = signal + r_mv * np.exp(-0.5 * ((time - r) / 0.012) ** 2)
        signal += 0.1 * np.exp(-0.5 * ((time - r + 0.14) / 0.012) ** 2)
        signal += t_mv * np.exp(-0.5 * ((time - r - 0.24) / 0.025) ** 2)
        signal += st_mv * ((time > r + 0.045) & (time < r + 0.32))
    return np.stack([signal, 0.5 * signal]).astype(np.float32)


def shapes(tmp_path, records, masks=None) -> list[dict[str, np.ndarray]]:
    masks = masks or [np.ones(2, bool)] * len(records)
    both = zip(records, masks, strict=True)
    written = [(str(i), signal_store.to_counts(mv), mask) for i, (mv, mask) in enumerate(both)]
    signal_store.write_store(tmp_path / "signals", FS_HZ, LEADS, written)
    return [
        normal_beats.shape_of(normal_beats.Healthy(i, 1000.0, waves()), tmp_path / "signals")
        for i in range(len(records))
    ]


@pytest.fixture
def normals(tmp_path) -> normal_beats.Normals:
    return normal_beats.fit(shapes(tmp_path, [heart()]), np.array([1000.0]), LEADS)


def test_a_normal_record_stays_as_it_is(normals):
    signal = heart()
    back = normal_beats.instead_of(signal, FS_HZ, waves(), normals.at(1000.0))
    assert np.abs(back - signal).max() < 0.03


@pytest.mark.parametrize("changed", [{"st_mv": 0.3}, {"t_mv": -0.3}, {"r_mv": 2.0}])
def test_what_is_not_normal_is_put_back_to_normal_and_nothing_else(normals, changed):
    ill, well = heart(**changed, wander_mv=0.2), heart(wander_mv=0.2)
    back = normal_beats.instead_of(ill, FS_HZ, waves(), normals.at(1000.0))
    region = beat_regions.of_samples(waves(), FS_HZ, ill.shape[1])
    inside = region != beat_regions.REGIONS.index("rest")
    assert np.abs(back - well)[:, inside].max() < 0.1
    assert np.abs(ill - well)[:, inside].max() > 0.28


def test_a_wave_that_the_edge_cuts_is_left_alone(normals):
    signal = heart(r_mv=3.0)[:, round(0.4 * FS_HZ) :]
    shifted = waves()
    shifted[COLUMNS[1:]] -= 0.4
    back = normal_beats.instead_of(signal, FS_HZ, shifted, normals.at(None))
    assert (back[:, :10] == signal[:, :10]).all()


def test_near_ages_weigh_most_and_unknown_age_takes_all(tmp_path):
    newborn, school = shapes(tmp_path, [heart(t_mv=-0.4), heart(t_mv=0.4)])
    found = normal_beats.fit([newborn, school], np.array([3.0, 3000.0]), LEADS)
    middle = normal_beats.POINTS["ST-T"] * 5 // 7
    t_at = {age: found.at(age)["ST-T"][0, middle] for age in (2.0, 4000.0, None)}
    assert t_at[2.0] < -0.35
    assert t_at[4000.0] > 0.35
    assert abs(t_at[None]) < 0.05


def test_a_lead_that_no_healthy_record_has_stays_as_it_is(tmp_path):
    one = shapes(tmp_path, [heart()], [np.array([True, False])])
    found = normal_beats.fit(one, np.array([1000.0]), LEADS)
    signal = heart(r_mv=2.0)
    back = normal_beats.instead_of(signal, FS_HZ, waves(), found.at(1000.0))
    inside = beat_regions.of_samples(waves(), FS_HZ, signal.shape[1]) == beat_regions.REGIONS.index(
        "QRS"
    )
    assert (back[1, inside] == signal[1, inside]).all()
    assert np.abs(back[0] - heart()[0]).max() < 0.1


def test_the_table_gives_the_same_normal_heart_back(normals, tmp_path):
    tables.write(normals.table(), tmp_path / "n.parquet", explain_tables.NORMAL_BEATS)
    again = normal_beats.from_table(
        tables.read(tmp_path / "n.parquet", explain_tables.NORMAL_BEATS)
    )
    assert again.leads == normals.leads
    for name, mine in normals.by_age.items():
        np.testing.assert_array_equal(again.by_age[name], mine)


def test_without_a_healthy_record_there_is_no_normal_heart(tmp_path):
    assert normal_beats.fit([], np.empty(0), LEADS) is None
    empty = pd.DataFrame(columns=list(explain_tables.NORMAL_BEATS.columns))
    tables.write(empty, tmp_path / "n.parquet", explain_tables.NORMAL_BEATS)
    assert (
        normal_beats.from_table(tables.read(tmp_path / "n.parquet", explain_tables.NORMAL_BEATS))
        is None
    )


def test_normal_are_those_certainly_free_of_every_target_or_those_with_one():
    labels = pd.DataFrame(
        {"record_id": list("abcd"), "norm": [1, 0, 0, 0], "mi": [0, 1, 0, np.nan]}
    )
    assert normal_records.select(labels, ["a", "b", "c", "d"], None) == ["c"]
    assert normal_records.select(labels, ["b", "c", "d"], None) == ["c"]
    assert normal_records.select(labels, ["a", "b", "c", "d"], "norm") == ["a"]


@pytest.mark.parametrize("target", [None, "chd"])
def test_an_unknown_label_does_not_make_a_record_normal(target):
    """On PTB-XL, records of which only the rhythm was stated were once the normal heart."""
    rows = {"record_id": ["all", "one", "none", "ill"], "chd": [None, 0, 0, 1]}
    labels = pd.DataFrame(rows | {"mi": [None, None, 0, 0]}).astype({"chd": "Int8", "mi": "Int8"})
    normal = normal_records.select(labels, ["all", "one", "none", "ill"], target)
    assert normal == (["none"] if target is None else ["ill"])


@pytest.mark.parametrize("method", attribution.METHODS)
def test_beside_the_normal_heart_a_map_shows_what_is_unusual(network, method):
    """The rest of the beat is as in the normal heart, so that the map lies in T alone."""
    ill, _, t_wave = planted.heart(True, False, np.random.default_rng(5))
    well, *_ = planted.heart(False, False, np.random.default_rng(5))
    piece = planted.stretch(ill, reference=well)
    seen = attribution.explain([network], piece, 0, SETTINGS)[method]
    assert seen[:, t_wave].sum() > 0.9


def test_putting_the_finding_back_to_normal_costs_the_call(network):
    ill, qrs, t_wave = planted.heart(True, False, np.random.default_rng(5))
    well, *_ = planted.heart(False, False, np.random.default_rng(5))
    region = np.full(ill.shape[1], beat_regions.REGIONS.index("rest"))
    region[t_wave] = beat_regions.REGIONS.index("ST-T")
    region[qrs] = beat_regions.REGIONS.index("QRS")
    falls = sanity_checks.restored([network], planted.stretch(ill, reference=well), 0, region)
    assert falls["ST-T"] > 1
    assert falls["ST-T"] > 5 * abs(falls["QRS"])
