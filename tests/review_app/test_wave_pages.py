"""The wave editor's routes: what is saved, refused and hidden."""

import pytest

PATH = "/api/case/0/waves"


@pytest.fixture
def anna(site):
    return site().sign_in("Anna")


def first_qrs(browser, lead="II"):
    state = browser.get(PATH).json()
    return state, next(w for w in state["waves"][lead] if w[0] == "QRS")


def test_a_moved_boundary_is_saved_shown_and_undone(anna, tmp_path):
    state, qrs = first_qrs(anna)
    body = {"expected": state["id"], "lead": "II", "wave": qrs, "edge": "onset",
            "sample": qrs[1] - 2}  # fmt: skip
    saved = anna.post(PATH, body).json()
    assert [qrs[0], qrs[1] - 2, *qrs[2:]] in saved["waves"]["II"]
    assert str(qrs[1] - 2) in (tmp_path / "waves_of_the_page.jsonl").read_text()
    ecg = anna.get("/api/case/0").json()["ecg"]
    assert ecg["waves_corrected"]
    onsets = [w[1] for w in ecg["waves"]["II"] if w[0] == "QRS"]
    assert (qrs[1] - 2) / ecg["fs_hz"] in onsets
    back = anna.post(f"{PATH}/undo", {"expected": saved["id"]}).json()
    assert back["waves"] == state["waves"]


def test_a_check_a_removal_and_an_addition(anna):
    state, qrs = first_qrs(anna)
    removed = anna.post(PATH, {"expected": 0, "lead": "II", "wave": qrs}).json()
    assert qrs not in removed["waves"]["II"]
    body = {"expected": removed["id"], "lead": "II", "wave": qrs, "add": True}
    added = anna.post(PATH, body).json()
    assert added["waves"] == state["waves"]
    checked = anna.post(f"{PATH}/check", {"expected": added["id"]}).json()
    assert checked["checked"]


def test_a_page_that_is_not_up_to_date_gets_a_conflict(anna):
    _, qrs = first_qrs(anna)
    anna.post(PATH, {"expected": 0, "lead": "II", "wave": qrs})
    assert anna.post(PATH, {"expected": 0, "lead": "II", "wave": qrs}).status_code == 409
    assert anna.post(f"{PATH}/undo", {"expected": 0}).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"sample": 10**10}, {"sample": -1}, {"edge": "peak"}, {"lead": "V99"}, {"wave": ["QRS", 1]},
        {"wave": ["QRS", 1, 2, 3]}, {"extra": 1}, {"wave": ["X" * 50, 1, 2, 3]}, {"sample": 4999},
    ],
)  # fmt: skip
def test_what_is_no_correction_is_refused_and_nothing_is_saved(anna, tmp_path, change):
    state, qrs = first_qrs(anna)
    body = {"expected": 0, "lead": "II", "wave": qrs, "edge": "onset", "sample": qrs[1] - 2}
    assert anna.post(PATH, {**body, **change}).status_code in (400, 409)
    assert anna.get(PATH).json() == state
    assert (tmp_path / "waves_of_the_page.jsonl").read_text() == ""


def test_waves_need_a_reader_and_the_token_of_the_page(site):
    nobody = site()
    assert nobody.get(PATH).status_code == 401
    anna = site().sign_in("Anna")
    _, qrs = first_qrs(anna)
    body = {"expected": 0, "lead": "II", "wave": qrs}
    assert anna.client.post(PATH, json=body).status_code == 403
    assert anna.get("/api/case/99/waves").status_code == 400
