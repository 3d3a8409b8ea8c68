"""What V3R, V4R and V7 see of the simulated heart, and a cohort that is recorded with them."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from pedecg.cohorts.formats import wfdb_files
from pedecg.core.errors import PedecgError
from pedecg.core.records import FURTHER_LEADS, LEADS, NINE_LEADS
from pedecg.simulation import torso, zzu_cohort
from pedecg.simulation.hospital_settings import SimulationSettings

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import fit_further_leads

FURTHER = ("V3R", "V4R", "V7")


def row(lead: str) -> np.ndarray:
    return torso.to_leads(np.eye(3), (lead,))[0]


def test_the_rows_are_those_of_the_fit_and_the_fit_is_close():
    found, residual = fit_further_leads.fitted()
    assert found.keys() == set(FURTHER_LEADS)
    for lead, fitted in found.items():
        np.testing.assert_allclose(row(lead), fitted, atol=0.002)
    assert residual < 0.03


def test_the_electrodes_go_on_where_the_six_end():
    right = [row(lead)[0] for lead in ("V1", "V3R", "V4R", "V5R", "V6R")]
    assert max(right) < 0, "the right chest sees what goes to the left from behind"
    front = [row(lead)[2] for lead in ("V3R", "V4R", "V5R", "V6R")]
    assert front == sorted(front), "less and less in front"
    back = [row(lead) for lead in ("V6", "V7", "V8", "V9")]
    assert [x for x, _, _ in back] == sorted((x for x, _, _ in back), reverse=True)
    assert [z for _, _, z in back] == sorted(z for _, _, z in back)
    for twin, lead in (("V1R", "V2"), ("V2R", "V1")):
        np.testing.assert_array_equal(row(twin), row(lead))


def test_a_lead_with_further_ones_is_the_same_lead():
    dipole = np.random.default_rng(0).normal(size=(3, 40))
    fifteen = torso.to_leads(dipole, (*LEADS, *FURTHER))
    np.testing.assert_array_equal(fifteen[:12], torso.to_leads(dipole))
    electrodes = torso.from_electrodes((*LEADS, *FURTHER))
    assert electrodes.shape == (15, 12)
    assert np.allclose(electrodes.sum(axis=1), 0), "a common voltage is not seen"


@pytest.fixture(scope="module")
def fifteen(settings, tmp_path_factory):
    changes = {"patients": 16, "further_leads": list(FURTHER), "nine_lead_odds": 20.0,
               "mode_length_fraction": 0.0, "saturated_fraction": 0.5}  # fmt: skip
    folder = tmp_path_factory.mktemp("fifteen")
    zzu_cohort.write(settings.model_copy(update=changes), folder / "raw", folder / "apart")
    return folder / "raw"


def test_records_hold_fifteen_leads_or_the_nine_of_a_small_child(fifteen):
    with (fifteen / "AttributesDictionary.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    kinds = set()
    for one in rows:
        record = wfdb_files.read_channels(fifteen / "Child_ecg", one["Filename"]).record
        assert len(record.leads) == int(one["Lead"])
        assert np.isfinite(record.signal).all()
        kinds.add(record.leads)
    assert kinds == {(*LEADS, *FURTHER), NINE_LEADS}


@pytest.mark.parametrize("leads", [["V7", "V3R"], ["V1"], ["MLII"], ["V3R", "V3R"]])
def test_leads_that_are_none_or_out_of_order_are_refused(settings, leads):
    from pedecg.core import params

    values = settings.model_dump() | {"further_leads": leads}
    with pytest.raises(PedecgError, match=r"further_leads must be some of V1R .* V9"):
        params.parse(values, "simulate", SimulationSettings, "params.yaml")
