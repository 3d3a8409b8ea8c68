"""`pedecg review` as a user types it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pandas as pd
import pytest
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.web import run_server


@pytest.fixture
def pedecg(ward, monkeypatch):
    monkeypatch.chdir(ward.folder)
    monkeypatch.delenv("PEDECG_REVIEW_PASSWORD", raising=False)

    def call(*arguments):
        return CliRunner().invoke(cli.app, ["review", *map(str, arguments)])

    return call


def answered(review):
    """A finished review of two readers who differ on one case."""
    running = review(overlap=1.0)
    words = {"Anna": ["absent", "present", "absent", "present", "absent", "absent"],
             "Ben": ["absent", "present", "absent", "absent", "absent", "absent"]}  # fmt: skip
    for reader, stated in words.items():
        for number, word in enumerate(stated):
            label = running.item(number).label
            running.answer(number, reader, {label: word}, expected=None)
    running.journal.close()
    return running


def test_report_says_what_the_review_was_worth(pedecg, review):
    path = answered(review).journal.path
    text = pedecg("report", "--journal", path).output
    assert (
        "6 of 6 cases reviewed: 4 labels wrong, 1 right, 0 cannot be determined; 1 disagree" in text
    )
    assert re.search(r"^ +6 +5 +4 +0\.80 \(0\.38 to 0\.96\)$", text, re.MULTILINE)
    assert "Cohen's kappa, Anna and Ben: 0.57 (6 cases: too few" in text
    found = json.loads(pedecg("report", "--json", "--journal", path).output)
    assert found["confirmed_errors"][0]["precision"] == 0.8
    assert found["agreement"]["pairs"][0]["observed"] == pytest.approx(5 / 6, abs=1e-3)


def test_report_with_two_runs_states_the_effect_and_is_saved(pedecg, review, ward, tmp_path):
    path = answered(review).journal.path
    file = predictions_of(ward, tmp_path)
    done = pedecg("report", "--journal", path, "--without", file, "--with", file, "--save")
    assert "AUROC on 1 test ECGs" in done.output
    saved_file = ward.folder / "labels" / "review_report.json"
    saved = json.loads(saved_file.read_text())
    saved_file.unlink()
    assert (saved["entries"], saved["reviewed"], saved["effect"]["patients"]) == (12, 6, 1)
    fault = pedecg("report", "--journal", path, "--with", file).exception
    assert "expected both or neither" in str(fault)


def test_export_writes_what_the_pipeline_reads(pedecg, review, tmp_path):
    path = answered(review).journal.path
    out = tmp_path / "out.csv"
    done = pedecg("export", "--journal", path, "--out", out)
    assert done.exit_code == 0
    assert "5 decisions" in done.stderr
    assert out.read_text() == (tmp_path / "decisions.csv").read_text()


def predictions_of(ward, folder):
    """Predictions that know nothing, for every record."""
    rows = [
        (record, ward.splits[record], 0, label, 0.5)
        for record in ward.records["record_id"]
        for label in ("abnormal", "chd")
    ]
    columns = ["record_id", "split", "seed", "label", "probability"]
    file = folder / "model.parquet"
    tables.write(pd.DataFrame(rows, columns=columns), file, tables.PREDICTIONS)
    return file


def test_effect_compares_two_runs_and_says_what_it_cannot(pedecg, review, ward, tmp_path):
    path = answered(review).journal.path
    file = predictions_of(ward, tmp_path)
    text = pedecg("effect", file, file, "--journal", path).output
    assert "AUROC on 1 test ECGs of 1 patients without a decision (0 test" in text
    assert "chd                not scored: 0 positives or negatives; expected at least 5" in text


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--host", "0.0.0.0"], "set a password in PEDECG_REVIEW_PASSWORD"),
        (["--mistakes", "--list", "x.csv"], "expected one of them"),
        (["--label", "chd"], "expected --list, too"),
        (["--mistakes"], "mistakes.csv: not found"),
        (["--list", "absent.csv"], "absent.csv: not found"),
    ],
)
def test_a_wrong_option_is_one_line(pedecg, arguments, reported):
    done = pedecg(*arguments)
    assert isinstance(done.exception, PedecgError)
    assert reported in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_folder_that_is_no_pipeline_is_one_line(pedecg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(pedecg().exception, PedecgError)
    assert "not found" in str(pedecg().exception)


def test_a_port_in_use_is_one_line():
    with run_server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PedecgError, match=f"port {port}"):
            run_server.listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_this_machine_alone_is_reported_from_the_network(host):
    assert run_server.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "localhost.evil", ""])
def test_the_network_is_reported_from_this_machine(host):
    assert not run_server.is_loopback(host)


@pytest.mark.slow
def test_the_printed_address_opens_the_page_and_ctrl_c_ends_it(ward, tmp_path):
    command = [sys.executable, "-c", "from pedecg.cli import main; main()", "review", "--port", "0",
               "--journal", str(tmp_path / "j.jsonl")]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ward.folder, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", "".join(lines)).group()
            jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            assert b"<title>pedecg review</title>" in jar.open(address, timeout=10).read()
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address[:-3] + "xyz", timeout=10)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
