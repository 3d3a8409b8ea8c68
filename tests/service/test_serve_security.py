"""What outsiders, broken clients and hostile files can do to the service: nothing."""

import base64
import json
import logging
import socket
import time

import format_files
import in_process
import pytest
import vendor_files

from pedecg.service import request_log, uploads
from pedecg.service.limits import Limits
from pedecg.web import run_server

GETS = ["/drift", "/metrics", "/model", "/docs", "/docs/style.css", "/openapi.json"]
POSTS = ["/predict", "/outcomes"]


def basic(password: str, user: str = "prometheus") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# ---- access --------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic !", basic("wrong")])
def test_without_the_token_nothing_is_answered(site, header):
    running = site()
    outsider = running.outsider(**({} if header is None else {"authorization": header}))
    for path in GETS:
        found = outsider.get(path)
        assert found.status_code == 401, path
        assert found.headers["www-authenticate"] == "Bearer"
    for path in POSTS:
        assert outsider.post(path, content=b"x" * 100).status_code == 401
    assert running.pool.jobs == []


def test_health_needs_no_token_and_tells_nothing_of_the_model(site):
    found = site().outsider().get("/health")
    assert found.json() == {"status": "ok", "workers_ready": 1, "workers": 1}


def test_token_and_password_open_as_bearer_and_as_basic(site):
    running = site(password="a long enough password")
    for key in (running.service.gate.token, "a long enough password"):
        for header in (f"Bearer {key}", basic(key)):
            assert running.outsider(authorization=header).get("/drift").status_code == 200


def test_the_printed_address_opens_the_documentation_and_no_prediction(site):
    running = site()
    browser = running.outsider()
    assert browser.get("/").headers["location"] == "/docs"
    assert browser.get("/?token=wrong").status_code == 401
    opened = browser.get(f"/?token={running.service.gate.token}")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.get("/docs").status_code == 200
    assert browser.post("/predict", content=b"x").status_code == 401, "a cookie alone sends no ECG"


def test_another_sites_page_and_another_host_name_are_refused(site):
    running = site()
    foreign = {**running.key, "origin": "http://evil.example"}
    assert running.outsider(**foreign).post("/predict", content=b"x").status_code == 403
    rebound = {**running.key, "host": "evil.example"}
    assert running.outsider(**rebound).get("/drift").status_code == 421


# ---- names, paths, scripts -----------------------------------------------------------------

HOSTILE = [
    "../../etc/cron.d/x.xml", "..\\..\\x.xml", "/etc/passwd", "....//x.xml", "%2e%2e%2fx.xml",
    "x.xml\0.png", "<script>alert(1)</script>.xml", '"><img src=x onerror=alert(1)>.xml',
    "a" * 5000 + ".xml", "\u00e9" * 5000 + "." + "x" * 5000, "",
    ".", "..", "CON", "x\r\nSet-Cookie: a=b.xml", "x.hea/../../y.hea",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_elsewhere_or_is_markup(name):
    found = uploads.safe_name(name)
    assert found
    assert len(found.encode()) <= 200
    assert not set(found) & set("/\\<>\"'\0\r\n&")
    assert found.strip(".") == found


@pytest.mark.parametrize("name", [HOSTILE[0], HOSTILE[2], HOSTILE[6]])
def test_a_hostile_name_is_answered_and_writes_nothing_elsewhere(site, tmp_path, name):
    file = tmp_path / "ecg.csv"
    format_files.WRITERS["CSV"].write(file, vendor_files.ecg_mv(500, 10.0), 500)
    running = site()
    before = sorted(tmp_path.rglob("*"))
    found = running.client.post("/predict", content=file.read_bytes(), params={"name": name})
    assert found.status_code == 200, found.text
    assert "<" not in found.json()["record"]
    assert running.pool.jobs[0].file.parent.parent == running.service.folder
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("target", ["../../secret.dat", "/etc/passwd", "sub/../../secret.dat"])
def test_a_header_cannot_name_a_file_outside(site, record, tmp_path, target):
    (tmp_path / "secret.dat").write_bytes(record[1].read_bytes())
    text = record[0].read_text().replace("P0.dat", target)
    found = site().client.post("/predict", files=[("file", ("P0.hea", text.encode()))])
    assert found.status_code == 422
    assert "root:" not in found.text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "unusable form"),
        ([("a.hea", b"x"), ("b.hea", b"x")], "2 files, 2 of them headers"),
        ([("a.xml", b"x"), ("b.xml", b"x")], "2 files, 0 of them headers"),
        ([("a.hea", b"x"), ("d/a.hea", b"y")], "two files are called a.hea"),
        ([(f"{n}.dat", b"x") for n in range(50)], "Too many files"),
    ],
)
def test_a_form_that_is_no_record_is_refused_in_words(site, files, message):
    headers = {"content-type": "multipart/form-data"} if not files else {}
    found = site().client.post(
        "/predict", files=[("file", one) for one in files] or None, headers=headers
    )
    assert found.status_code == 400
    assert message in found.json()["error"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"age": "7"}, "age: "),
        ({"age": "7y", "age_days": 3}, "give one of them"),
        ({"age": "-3d"}, "age: "),
        ({"age_days": "nan"}, "age_days: expected 0 to"),
        ({"age_days": "-1"}, "age_days: expected 0 to"),
        ({"age_days": "1e9"}, "age_days: expected 0 to"),
        ({"sex": "x"}, "sex: expected F, M"),
        ({"number": "weight=3"}, "the model reads no 'weight'"),
        ({"target": "nonsense"}, "the model predicts abnormal"),
        ({"exam": "../x"}, "examination of an HDF5 file"),
        ({"exam": "x" * 5000}, "examination of an HDF5 file"),
        ({"age": "9" * 400 + "y"}, "age: "),
        ({"aeg": "7y"}, "unknown parameter 'aeg'; expected name, exam, age"),
    ],
)
def test_an_unusable_parameter_is_refused_in_words(site, record, parameters, message):
    found = site().predict(*record, **parameters)
    assert found.status_code == 400
    assert message in found.json()["error"]


# ---- size and time -------------------------------------------------------------------------


def test_an_upload_that_is_too_large_is_refused_as_soon_as_that_is_known(site):
    running = site(limits=Limits(max_mb=0.1))
    found = running.client.post("/predict", content=b"x" * 100_001)
    assert found.status_code == 413
    assert "100001 bytes; expected at most 100000" in found.json()["error"]

    def endless():
        for _ in range(10_000):
            yield b"x" * 10_000

    assert running.client.post("/predict", content=endless()).status_code == 413
    assert running.client.post("/outcomes", content=b"x" * 20_000).status_code == 413
    assert running.pool.jobs == []


def test_a_client_that_sends_slowly_is_sent_away_and_frees_its_place(site):
    running = site(limits=Limits(body_within_s=0.3, waiting=0))
    with in_process.listening(running.app) as place:
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {running.key['authorization']}\r\nContent-Length: 100\r\n\r\nx"
        )
        with socket.create_connection(place, timeout=5) as slow:
            slow.sendall(head.encode())
            assert b" 408 " in slow.recv(300)
    assert running.service.pool.admission.taken == 0


def test_a_connection_without_a_request_is_closed(site, monkeypatch):
    monkeypatch.setattr(run_server, "HEAD_WITHIN_S", 0.3)
    with in_process.listening(site().app) as place:
        for start in (b"", b"GET / HT"):
            with socket.create_connection(place, timeout=5) as half:
                half.sendall(start)
                assert half.recv(100) == b""
        with socket.create_connection(place, timeout=5) as whole:
            whole.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b" 200 " in whole.recv(500)
            whole.sendall(b"GET /hea")  # the next request of the same connection never ends
            begun = time.monotonic()
            while whole.recv(500):
                assert time.monotonic() - begun < 5


def test_more_than_can_wait_are_asked_to_come_again_later(site, record):
    running = site(limits=Limits(workers=1, waiting=1))
    admission = running.service.pool.admission
    with admission.place(), admission.place():
        found = running.predict(*record)
        assert found.status_code == 429
        assert int(found.headers["retry-after"]) >= 1
        assert found.json()["reason"] == "busy"
        assert running.client.get("/health").status_code == 200
    assert running.predict(*record).status_code == 200


# ---- logs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "broken"), [("HL7 aECG", False), ("DICOM", True)])
def test_no_log_and_no_metric_holds_anything_of_a_person(site, tmp_path, caplog, form, broken):
    caplog.set_level(logging.DEBUG)
    file = tmp_path / f"{vendor_files.PERSON[0]} {vendor_files.PERSON[1]}.x"
    format_files.WRITERS[form].write(file, vendor_files.ecg_mv(500, 10.0), 500)
    if broken:
        file.write_bytes(file.read_bytes()[:-3000])
    running = site()
    found = running.predict(file, age="37mo")
    running.client.post("/predict", content=b"x", params={"name": vendor_files.PERSON[0]})
    running.client.get(f"/{vendor_files.PERSON[0]}")
    running.outsider(authorization="Bearer " + vendor_files.PERSON[0]).get("/drift")
    written = running.text.getvalue()
    # The test's own client logs the addresses that it asks for.
    own = [one.getMessage() for one in caplog.records if not one.name.startswith("http")]
    metrics = running.client.get("/metrics").text
    assert len(written.splitlines()) == 3
    for word in (*vendor_files.PERSON, "37mo", "1126", "female"):
        assert word not in written
        assert word not in " ".join(own)
        assert word not in metrics
    assert found.status_code == (422 if broken else 200), found.text
    for p in found.json().get("probabilities", {}).values():
        assert str(p) not in written


def test_a_log_line_is_json_with_known_fields_alone(site, record):
    running = site()
    found = running.predict(*record)
    (line,) = (json.loads(one) for one in running.text.getvalue().splitlines())
    assert set(line) <= {"time", "level", "event", *request_log.FIELDS}
    assert line["request"] == found.headers["x-request-id"]
    assert (line["route"], line["status"], line["form"]) == ("/predict", 200, "json")
    assert line["bytes_in"] > 1000
    with pytest.raises(KeyError):
        running.service.log.write("request", record="P0")
    with pytest.raises(TypeError):
        running.service.log.write("request", status="200")


def test_a_fault_of_the_program_is_500_without_its_text(site, record, monkeypatch):
    from pedecg.service import answer_forms

    def fail(*_):
        raise ValueError("Zebedee Quxworthy")

    monkeypatch.setitem(answer_forms.WRITERS, "json", fail)
    running = site()
    found = running.predict(*record)
    assert found.status_code == 500
    line = json.loads(running.text.getvalue())
    assert line["error"] == "ValueError"
    assert "test_serve_security.py" in line["place"]
    assert "Zebedee" not in found.text + running.text.getvalue()
