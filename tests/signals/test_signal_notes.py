"""What a reader must know of a recording is found, and a sound recording has no notes."""

import numpy as np
import pytest

from pedecg.cohorts import recordings
from pedecg.core.records import LEADS, EcgRecord
from pedecg.signals import electrode_placement, pacing_spikes, signal_notes

FS_HZ = 500.0
ROW = {lead: row for row, lead in enumerate(LEADS)}
# Dower's weights of x, y and z of the dipole; the other limb leads follow from I and II.
FIELD = {
    "I": (0.632, -0.235, 0.059), "II": (0.235, 1.066, -0.132), "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387), "V3": (0.882, 0.098, -1.277), "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086), "V6": (0.831, 0.076, 0.230),
}  # fmt: skip


def heart(length_s=10.0):
    """A school child's P, QRS and T as a dipole turns: seen by the twelve leads, mV."""
    time = np.arange(round(length_s * FS_HZ)) / FS_HZ
    dipole = np.zeros((3, len(time)))
    for r in np.arange(0.4, length_s, 0.7):
        for delay, width, vector in (
            (-0.15, 0.02, (0.08, 0.12, -0.03)), (-0.02, 0.007, (-0.1, 0.05, -0.35)),
            (0.0, 0.011, (1.0, 0.9, 0.3)), (0.025, 0.009, (0.1, 0.0, 0.7)),
            (0.24, 0.04, (0.3, 0.25, -0.1)),
        ):  # fmt: skip
            bump = np.exp(-0.5 * ((time - r - delay) / width) ** 2)
            dipole += np.array(vector)[:, None] * bump
    leads = {lead: np.array(row) @ dipole for lead, row in FIELD.items()}
    return completed(leads)


def completed(leads):
    one, two = leads["I"], leads["II"]
    leads = leads | {"III": two - one, "aVR": -(one + two) / 2}
    leads |= {"aVL": one - two / 2, "aVF": two - one / 2}
    noise = np.random.default_rng(0).normal(0, 0.004, (12, len(one)))
    return np.stack([leads[lead] for lead in LEADS]) + noise


def notes(signal, age_days=3000.0):
    record = EcgRecord(signal.astype(np.float32), FS_HZ, LEADS)
    examined = signal_notes.examine(record, np.ones(12, bool))
    return {note.kind: note for note in examined.with_placement(age_days)}


def by_lead(signal):
    return dict(zip(LEADS, signal, strict=True))


def test_a_sound_record_has_no_notes():
    for age_days in (10.0, 500.0, 3000.0, 20_000.0, None):
        assert notes(heart(), age_days) == {}


def test_a_long_pause_is_no_reason_to_suspect_the_electrodes():
    """Most seconds hold noise alone; noise taken for beats once was "arm electrode reversal"."""
    signal = heart(12.0)
    silent = np.random.default_rng(1).normal(0, 0.004, signal.shape)
    signal[:, round(3.5 * FS_HZ) :] = silent[:, round(3.5 * FS_HZ) :]
    assert notes(signal) == {}


@pytest.mark.parametrize("lead", LEADS[:6])
def test_a_single_inverted_limb_lead_is_named(lead):
    signal = heart()
    signal[ROW[lead]] *= -1
    assert f"suspected inversion of lead {lead}" in notes(signal)["limb-leads"].detail


def test_two_leads_under_each_others_name_contradict_the_others():
    signal = heart()
    signal[[ROW["I"], ROW["aVF"]]] = signal[[ROW["aVF"], ROW["I"]]]
    assert notes(signal)["limb-leads"].detail.startswith("the limb leads are inconsistent")


@pytest.mark.parametrize("age_days", [3000.0, 20_000.0])
def test_swapped_arms_are_suspected(age_days):
    leads = by_lead(heart())
    swapped = completed(leads | {"I": -leads["I"], "II": leads["III"]})
    assert "arm electrode reversal" in notes(swapped, age_days)["electrodes"].detail


def test_right_arm_and_leg_swapped_are_suspected():
    leads = by_lead(heart())
    swapped = completed(leads | {"I": -leads["III"], "II": -leads["II"]})
    assert "right arm/left leg" in notes(swapped)["electrodes"].detail


def test_v1_and_v3_swapped_are_suspected():
    signal = heart()
    signal[[ROW["V1"], ROW["V3"]]] = signal[[ROW["V3"], ROW["V1"]]]
    assert notes(signal)["electrodes"].detail == "suspected V1/V3 electrode reversal"


def test_too_few_leads_say_nothing_of_electrodes():
    signal = heart()[:6]
    assert electrode_placement.log_odds(signal, FS_HZ, LEADS[:6]) == {}


@pytest.mark.parametrize("height_mv", [2.0, 6.0])
def test_pacemaker_spikes_are_noted_and_removed(height_mv):
    clean = heart()
    paced = clean.copy()
    spikes_s = np.arange(0.4, 10.0, 0.7) - 0.21  # before P
    at = np.rint(spikes_s * FS_HZ).astype(int)
    paced[:, at] += height_mv
    paced[:, at + 1] += height_mv / 2
    assert notes(paced)["paced"].detail == "paced: 14 pacemaker spikes in 10.0 s"
    found = pacing_spikes.removed(paced, FS_HZ, pacing_spikes.spikes(paced, FS_HZ))
    assert np.abs(found - clean).max() < 0.05


def test_one_spike_is_no_pacemaker():
    signal = heart()
    signal[:, 1000] += 3.0
    assert "paced" not in notes(signal)


@pytest.mark.parametrize(("at", "paced"), [(880, True), (1000, False)])
def test_the_spike_of_a_pacemaker_on_demand_starts_a_beat(at, paced):
    signal = heart()
    signal[:, at] += 3.0  # R peaks at 900 and 1250
    assert ("paced" in notes(signal)) is paced


def test_discharges_of_an_electrode_are_no_pacemaker():
    signal = heart()
    signal[:6, [880, 1900, 3300]] += 20.0
    assert len(pacing_spikes.spikes(signal, FS_HZ)) == 3
    assert "paced" not in notes(signal)


@pytest.mark.real
def test_no_real_child_is_paced(shared_data):
    """Among them a newborn whose narrow R has the shape of a spike in some leads."""
    places, _ = recordings.find([shared_data / "zzu_sample"])
    children = [recordings.read(place) for place in places]
    assert len(children) > 10
    for child in children:
        assert len(pacing_spikes.of_pacemaker(child.signal_mv, child.fs_hz)) == 0, child.fs_hz


def test_a_slow_record_says_nothing_of_pacing():
    assert pacing_spikes.of_pacemaker(heart()[:, ::5], FS_HZ / 5) is None
    assert len(pacing_spikes.of_pacemaker(heart(), FS_HZ)) == 0


@pytest.mark.parametrize(
    ("times_s", "rhythm"),
    [
        (np.arange(0.5, 10, 0.8), True),
        (np.sort([*np.arange(0.5, 10, 0.8), *np.arange(0.65, 10, 0.8)]), True),  # A and V
        ([1.0, 4.1, 4.2], False), ([1.0, 5.2, 8.8], False), ([1.0, 1.8], False),
    ],
)  # fmt: skip
def test_a_rhythm_of_spikes_has_a_usual_interval(times_s, rhythm):
    assert pacing_spikes.is_rhythm(np.array(times_s), 10.0) is rhythm


def test_hum_and_clipping_are_noted_with_their_leads():
    signal = heart()
    signal[ROW["V2"]] += 0.2 * np.sin(2 * np.pi * 50 * np.arange(5000) / FS_HZ)
    signal[ROW["V5"]] = np.minimum(signal[ROW["V5"]], 0.6)
    found = notes(signal)
    assert found["mains-hum"].leads == ("V2",)
    assert found["clipped-high"].leads == ("V5",)
    assert signal_notes.clipped_of([("clipped-high", ["V5"])]).highest_mv.keys() == {"V5"}


@pytest.mark.real
@pytest.mark.slow
def test_swapped_arms_of_real_adults_are_found_and_few_others_suspected(shared_data):
    """Patients of PTB-XL that took no part in the fit: every second in order of their number."""
    import pandas as pd

    from pedecg.cohorts.formats import wfdb_files

    folder = shared_data / "ptbxl_subset"
    table = pd.read_csv(folder / "ptbxl_database.csv")
    order = {patient: i for i, patient in enumerate(sorted(set(table["patient_id"])))}
    apart = table.loc[table["patient_id"].map(order) % 2 == 1, "filename_lr"]
    suspected, found = [], []
    for name in apart:
        record = wfdb_files.read_channels((folder / name).parent, (folder / name).name).record
        leads = dict(zip(record.leads, record.signal.astype(float), strict=True))
        for swapped, reported in ((False, suspected), (True, found)):
            six = {"I": -leads["I"], "II": leads["III"]} if swapped else {}
            signal = np.stack([(leads | six)[lead] for lead in record.leads])
            odds = electrode_placement.log_odds(signal, record.fs_hz, record.leads)
            reported.append([each.name for each in electrode_placement.suspected(odds, 20_000.0)])
    assert len(suspected) > 150
    assert np.mean([not names for names in suspected]) >= 0.98
    assert np.mean([names == ["arms"] for names in found]) >= 0.9


def test_the_running_median_at_single_samples_is_that_of_the_whole_lead():
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(3, 400))
    lead, at = rng.integers(0, 3, 60), np.append(rng.integers(0, 400, 56), [0, 1, 398, 399])
    for length_s in (pacing_spikes.SHORT_S, pacing_spikes.LONG_S):
        whole = pacing_spikes._off_median(signal, length_s, FS_HZ)
        some = pacing_spikes._off_median_at(signal, length_s, FS_HZ, lead, at)
        assert np.array_equal(some, whole[lead, at])
