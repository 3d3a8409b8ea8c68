"""The atlas: the same embeddings give the same map, and a label that gathers is seen to."""

import numpy as np
import pandas as pd

from pedecg.explain import atlas
from pedecg.explain.explain_settings import AtlasSettings

SETTINGS = AtlasSettings(records=50, components=5, perplexity=10, seed=0)


def groups(n: int = 60) -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(1)
    label = np.arange(n) % 3 == 0
    values = rng.normal(0, 1, (n, 16)) + 6 * label[:, None]
    about = pd.DataFrame(
        {"label_chd": label.astype(float), "patient_id": [f"P{i}" for i in range(n)]}
    )
    return values, about


def test_the_same_embeddings_give_the_same_map():
    values, _ = groups()
    first, second = (atlas.place(values, SETTINGS) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_a_label_that_the_network_knows_gathers():
    values, about = groups()
    placed = pd.concat([about, atlas.place(values, SETTINGS)], axis=1)
    found = atlas.neighbours_agree(placed, "chd")
    assert found["among_neighbours"] > 0.9
    assert abs(found["among_all"] - 1 / 3) < 0.01
    placed["label_chd"] = np.nan
    assert atlas.neighbours_agree(placed, "chd")["among_neighbours"] is None


def test_all_test_records_are_on_the_map_first():
    splits = pd.DataFrame(
        {
            "record_id": [f"R{i}" for i in range(200)],
            "patient_id": [f"P{i}" for i in range(200)],
            "split": ["test" if i % 5 == 0 else "train" for i in range(200)],
        }
    )
    chosen = atlas.choose(splits, SETTINGS)
    assert len(chosen) == 50
    assert (chosen["split"] == "test").sum() == 40
