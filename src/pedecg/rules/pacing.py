"""Which beats a pacemaker started: spikes just before QRS, before P, or within QRS."""

import numpy as np
import pandas as pd

from pedecg.rules.beats import Values

BEFORE_S, AFTER_S = 0.30, 0.04  # a spike belongs to the QRS whose onset follows, or just preceded
VENTRICLE_S = 0.06  # a spike nearer than this before QRS is in the ventricle


def share(beats: pd.DataFrame, spikes_s: Values | None) -> dict[str, float]:
    """Return how many beats a pacemaker started.

    Parameters
    ----------
    beats : `beats.beat_table`.
    spikes_s : times of spikes, seconds, as `pacing_spikes` finds them in the raw signal; None:
        nothing is known of them.

    Returns
    -------
    paced_share : share of beats with a spike from 300 ms before QRS on: in the atria or ventricles.
    ventricular_paced_share : share of beats with a spike from 60 ms before QRS on.

    Both are NaN where nothing is known of spikes.
    """
    if spikes_s is None:
        return {"paced_share": np.nan, "ventricular_paced_share": np.nan}
    onset = np.where(beats["qrs_on_s"].notna(), beats["qrs_on_s"], beats["r_s"] - 0.04)
    delay = spikes_s[None, :] - onset[:, None]
    reach = {"paced_share": BEFORE_S, "ventricular_paced_share": VENTRICLE_S}
    return {
        name: float(((delay > -before) & (delay < AFTER_S)).any(axis=1).mean())
        for name, before in reach.items()
    }
