"""What unauthenticated users, other web sites and broken clients can do to a review: nothing."""

import json
import socket
import threading
import time

import numpy as np
import pytest
from starlette.testclient import TestClient
from ward import HOSTILE, PULSE_FROM_S, PULSE_S, ward_number

from pedecg.review_app import request_parts, server
from pedecg.review_app.ecg_source import NO_VALUE, prepared
from pedecg.web import access, run_server

GETS = ["/api/session", "/api/next", "/api/overview", "/api/case/0", "/api/case/0/signal",
        "/api/case/0/other/0", "/static/app.js"]  # fmt: skip
POSTS = ["/api/sign-in", "/api/sign-out", "/api/case/0/answer", "/api/case/0/skip", "/api/undo"]


# ---- token, session, sign-in ---------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", *GETS])
def test_without_the_token_there_is_nothing_to_see(site, path):
    anonymous = TestClient(site().app, base_url="http://127.0.0.1:8765")
    found = anonymous.get(path)
    assert found.status_code == 403
    assert "A1" not in found.text


@pytest.mark.parametrize("path", POSTS)
def test_without_a_session_nothing_can_be_changed(site, path):
    anonymous = TestClient(site().app, base_url="http://127.0.0.1:8765")
    assert anonymous.post(path, json={}, headers={access.CSRF_HEADER: ""}).status_code == 403


def test_the_cookie_is_for_this_site_and_not_for_scripts(site):
    browser = site()
    opened = browser.client.get(f"/?token={browser.gate.token}", follow_redirects=False)
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert opened.status_code == 303
    assert browser.gate.token not in opened.headers["location"], "the token leaves the address bar"


@pytest.mark.parametrize("path", [p for p in GETS if "session" not in p and "static" not in p])
def test_before_signing_in_no_ecg_is_shown(site, path):
    assert site().get(path).status_code == 401


def test_a_reader_signs_in_by_name_and_out_again(site):
    browser = site().sign_in("Anna")
    assert browser.get("/api/session").json()["reader"] == "Anna"
    assert browser.get("/api/case/0").status_code == 200
    assert browser.post("/api/sign-out").status_code == 200
    assert browser.get("/api/case/0").status_code == 401


def test_a_password_is_asked_and_cannot_be_guessed(site):
    browser = site(password="correct horse")
    for n in range(access.MAX_WRONG_PASSWORDS):
        found = browser.post("/api/sign-in", {"name": "Anna", "password": f"guess {n}"})
        assert found.status_code == 401
    right = {"name": "Anna", "password": "correct horse"}
    assert browser.post("/api/sign-in", right).status_code == 429
    browser.gate._wrong.clear()  # a minute later
    assert browser.post("/api/sign-in", right).status_code == 200


# ---- other sites ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
def test_another_site_cannot_send_a_request_in_the_readers_name(site, path):
    browser = site().sign_in("Anna")
    client = browser.client
    token = {access.CSRF_HEADER: browser.csrf}
    assert client.post(path, json={}).status_code == 403, "no token"
    assert client.post(path, json={}, headers={access.CSRF_HEADER: "x"}).status_code == 403
    foreign = token | {"origin": "http://evil.example"}
    assert client.post(path, json={}, headers=foreign).status_code == 403
    form = token | {"content-type": "text/plain"}
    assert client.post(path, content="{}", headers=form).status_code == 403
    assert browser.review.journal.entries == []


def test_the_token_of_another_session_does_not_help(site):
    anna, ben = site().sign_in("Anna"), site().sign_in("Ben")
    found = anna.client.post("/api/undo", json={}, headers={access.CSRF_HEADER: ben.csrf})
    assert found.status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80"])
def test_another_host_name_is_refused(site, host):
    """DNS rebinding: a foreign name that resolves to 127.0.0.1."""
    browser = site().sign_in("Anna")
    assert browser.client.get("/api/case/0", headers={"host": host}).status_code == 421


def test_every_answer_has_the_security_headers(site):
    browser = site().sign_in("Anna")
    for path in ("/", "/api/case/0", "/static/app.js", "/nothing"):
        headers = browser.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


# ---- paths, scripts, sizes -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../server.py", "..%2fserver.py", "%2e%2e/%2e%2e/params.yaml", "....//app.js", "/etc/passwd",
     "index.html", "app.js%00", "..\\server.py"],
)  # fmt: skip
def test_no_path_leads_to_another_file(site, name):
    found = site().sign_in("Anna").get(f"/static/{name}")
    assert found.status_code in (403, 404)
    assert "import" not in found.text


@pytest.mark.parametrize("path", ["/api/case/999", "/api/case/99999999999999999999", "/api/case/-1",
                                  "/api/case/0/other/99", "/api/next?beside=x",
                                  "/api/next?beside=-1", "/api/next?beside=²"])  # fmt: skip
def test_what_does_not_exist_is_no_fault_of_the_program(site, path):
    assert site().sign_in("Anna").get(path).status_code in (400, 404)


def test_a_name_that_is_script_arrives_as_text(site):
    browser = site().sign_in("Anna")
    found = browser.get(f"/api/case/{ward_number(HOSTILE)}")
    assert found.headers["content-type"] == "application/json"
    assert found.json()["record_id"] == HOSTILE
    assert "<img" not in browser.get("/").text


def test_free_text_that_is_script_arrives_as_text(site):
    anna, ben = site(overlap=1.0).sign_in("Anna"), site().sign_in("Ben")
    text = "<script>alert(1)</script>"
    assert anna.answer(0, "present", reason=text).status_code == 200
    vote = ben.answer(0, "absent").json()["votes"][0]
    assert vote["reason"] == text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"answers": {"chd": "present"}, "expected": None, "reason": "x" * 70_000}, 413),
        ({"answers": {"chd": "present"}, "expected": None, "reason": "x" * 3_000}, 400),
        ({"answers": {"chd": "present"}, "expected": None, "findings": ["x"] * 31}, 400),
        ({"answers": {"chd": "present"}, "expected": "1"}, 400),
        ({"answers": {"chd": "present"}}, 400),
        ({"answers": {"chd": 1}, "expected": None}, 400),
        ({"answers": {}, "expected": None}, 400),
        ({"answers": {"chd": "present"}, "expected": None, "blinded": True}, 400),
        ([], 400),
        ("x", 400),
    ],
)
def test_an_unusable_body_is_refused_in_words(site, body, status):
    browser = site().sign_in("Anna")
    found = browser.post("/api/case/0/answer", body)
    assert found.status_code == status
    assert found.json()["error"]
    assert browser.review.journal.entries == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"answers": NaN}'])
def test_what_is_no_json_is_refused(site, content):
    browser = site().sign_in("Anna")
    headers = {access.CSRF_HEADER: browser.csrf, "content-type": "application/json"}
    found = browser.client.post("/api/case/0/answer", content=content, headers=headers)
    assert found.status_code == 400


# ---- a real socket: slow clients -----------------------------------------------------------


@pytest.fixture
def listening(site, monkeypatch):
    """The application on a real port; yields a browser's cookie and the address."""
    monkeypatch.setattr(request_parts, "BODY_WITHIN_S", 0.5)
    browser = site().sign_in("Anna")
    sock = run_server.listen("127.0.0.1", 0)
    import uvicorn

    config = uvicorn.Config(browser.app, log_level="error", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield browser, sock.getsockname()
    running.should_exit = True
    thread.join()


def _head(browser, length: int) -> bytes:
    cookie = browser.client.cookies[server.COOKIE]
    return (
        "POST /api/undo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Cookie: {server.COOKIE}={cookie}\r\n{access.CSRF_HEADER}: {browser.csrf}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def test_a_client_that_sends_its_body_slowly_is_sent_away(listening):
    browser, place = listening
    with socket.create_connection(place, timeout=5) as slow:
        slow.sendall(_head(browser, 100) + b"{")
        assert b" 408 " in slow.recv(200)


def test_many_half_open_connections_do_not_stop_the_others(listening):
    _, place = listening
    half = [socket.create_connection(place, timeout=5) for _ in range(50)]
    try:
        for one in half:
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0")
        with socket.create_connection(place, timeout=5) as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert b" 403 " in other.recv(200)
    finally:
        for one in half:
            one.close()


def test_an_answer_over_a_real_connection_is_written(listening):
    browser, place = listening
    with socket.create_connection(place, timeout=5) as client:
        body = json.dumps({"answers": {"chd": "present"}, "expected": None}).encode()
        head = _head(browser, len(body)).replace(b"/api/undo", b"/api/case/0/answer")
        client.sendall(head + body)
        assert b" 200 " in client.recv(200)
    assert [entry.reader for entry in browser.review.journal.entries] == ["Anna"]


# ---- what the page gets --------------------------------------------------------------------


def test_the_page_gets_the_ecg_in_microvolts_lead_after_lead(site, tmp_path, ward):
    browser = site().sign_in("Anna")
    about = browser.get("/api/case/0").json()["ecg"]
    data = np.frombuffer(browser.get("/api/case/0/signal").content, "<i2")
    assert data.size == len(about["leads"]) * about["n_samples"]
    filtered = np.frombuffer(browser.get("/api/case/0/signal?filtered=1").content, "<i2")
    assert filtered.size == data.size
    assert not np.array_equal(filtered, data)
    assert about["age"] == "13 months"
    rate = next(m for m in about["measurements"] if m["name"] == "heart rate")
    assert rate["p2"] < rate["p98"]
    assert rate["source"] == "Rijnbeek 2001"
    assert {"P", "QRS", "T"} == {wave[0] for wave in about["waves"]["II"]}
    beat = about["median_beat"]
    assert set(beat["leads"]) == set(about["leads"])


def test_other_ecgs_of_the_child_and_of_no_other_child_are_served(site):
    browser = site().sign_in("Anna")
    others = browser.get("/api/case/0").json()["others"]
    assert [(o["record_id"], o["order"]) for o in others] == [("A2", "later")]
    assert browser.get("/api/case/0/other/0").json()["record_id"] == "A2"
    assert browser.get("/api/case/0/other/1").status_code == 404


def test_a_pulse_keeps_its_height_and_length_and_a_gap_is_a_gap():
    from ward import FS_HZ, pulse

    from pedecg.cohorts.recordings import Recording
    from pedecg.core.records import LEADS
    from pedecg.rules import norms

    signal = pulse()
    signal[0, 10:20] = np.nan
    signal[1, 30] = 50.0
    ecg = prepared(Recording("x", signal, FS_HZ, LEADS), norms.load(norms.LIMITS))
    assert (ecg.raw[2] == 1000).sum() == round(PULSE_S * FS_HZ)
    assert np.flatnonzero(ecg.raw[2] == 1000)[0] == round(PULSE_FROM_S * FS_HZ)
    assert (ecg.raw[0, 10:20] == NO_VALUE).all()
    assert ecg.raw[1, 30] == 32767
    assert ecg.about["measurements"] == []


def test_an_ecg_whose_file_is_gone_can_be_skipped(site, ecgs, ward, monkeypatch):
    from pedecg.cohorts import recordings
    from pedecg.cohorts.record_faults import RecordFault

    def broken(place):
        raise RecordFault("missing-file", "r0.dat: not found")

    browser = site().sign_in("Anna")
    monkeypatch.setattr(recordings, "read", broken)
    monkeypatch.setattr(ecgs, "_prepared", type(ecgs._prepared)())
    assert "r0.dat" in browser.get("/api/case/0").json()["ecg"]["error"]
    assert browser.get("/api/case/0/signal").status_code == 422
    assert browser.post("/api/case/0/skip").status_code == 200


def test_a_full_disk_is_reported_and_the_answer_does_not_count(site, monkeypatch):
    import os

    browser = site().sign_in("Anna")

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    found = browser.answer(0, "present")
    monkeypatch.undo()
    assert found.status_code == 507
    assert "not saved" in found.json()["error"]
    assert browser.get("/api/case/0").json()["answer"] is None


def test_two_browsers_of_one_reader_get_a_conflict(site):
    one, two = site().sign_in("Anna"), site().sign_in("anna")
    assert one.answer(0, "present").status_code == 200
    found = two.answer(0, "absent")
    assert found.status_code == 409
    assert two.get("/api/case/0").json()["answer"]["answers"] == {"chd": "present"}
