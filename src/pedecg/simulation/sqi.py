"""The signal quality indices that the published table states per lead."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal


def spectral(
    leads_mv: NDArray[np.float64], fs_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pSQI and basSQI per lead, each of shape (n_leads,).

    pSQI is the power of 5 to 15 Hz over that of 5 to 40 Hz; basSQI is one less the power of 0 to
    1 Hz over that of 0 to 40 Hz. NaN for a flat lead.
    """
    hz, power = signal.welch(leads_mv, fs_hz, nperseg=min(2048, leads_mv.shape[1]), detrend=False)

    def band(low: float, high: float) -> NDArray[np.float64]:
        return np.asarray(power[:, (hz >= low) & (hz <= high)].sum(axis=1))

    with np.errstate(invalid="ignore"):
        return band(5, 15) / band(5, 40), 1 - band(0, 1) / band(0, 40)


def agreement(
    n_beats: int, noise_mv: float, n_leads: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw bSQI per lead, shape (n_leads,): the share of beats that two detectors both find.

    The more noise, the more beats only one of them finds.
    """
    missed = rng.binomial(max(n_beats, 1), min(0.25, 0.004 + 0.6 * noise_mv), n_leads)
    return 1 - missed / max(n_beats, 1)
