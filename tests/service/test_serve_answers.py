"""The service answers what `pedecg predict` answers, in every format and every form."""

import io
import json

import format_files
import pytest
import small_project
import vendor_files
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.operationoutcome import OperationOutcome
from PIL import Image
from typer.testing import CliRunner

from pedecg import cli
from pedecg.predict import loaded_model


def predicted(model, *arguments):
    """What `pedecg predict --json` writes."""
    done = CliRunner().invoke(
        cli.app, ["predict", *map(str, arguments), "--model", str(model), "--json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def same(one, other):
    """Compare two answers, numbers within 1e-5."""
    assert type(one) is type(other) or {type(one), type(other)} <= {int, float}
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-5)
    else:
        assert one == other


def written(form, folder):
    """A file of ten seconds in one of the formats."""
    fs_hz = format_files.FIXED_RATE.get(form, 500)
    file = folder / f"r{format_files.WRITERS[form].suffix}"
    format_files.WRITERS[form].write(file, vendor_files.ecg_mv(fs_hz, 10.0), fs_hz)
    return file


def test_a_wfdb_record_is_answered_as_by_predict(site, network, record):
    found = site().predict(*record)
    assert found.status_code == 200, found.text
    same(found.json(), predicted(network, record[0]))


@pytest.mark.parametrize("form", ["HL7 aECG", "DICOM", "CSV"])
def test_a_single_file_is_answered_as_by_predict(site, network, tmp_path, form):
    file = written(form, tmp_path)
    found = site().predict(file)
    assert found.status_code == 200, found.text
    same(found.json(), predicted(network, file))


@pytest.mark.slow
@pytest.mark.parametrize("form", format_files.WRITERS)
def test_every_format_is_answered_or_refused_as_by_predict(site, network, tmp_path, form):
    file = written(form, tmp_path)
    found = site().predict(file)
    done = CliRunner().invoke(cli.app, ["predict", str(file), "--model", str(network), "--json"])
    if found.status_code == 200:
        same(found.json(), json.loads(done.stdout))
    else:
        assert found.status_code == 422
        assert done.exit_code == 1
        assert f"{found.json()['reason']}: {found.json()['error']}" in done.stderr


def test_every_further_statement_counts_as_on_the_command_line(site, network, record):
    found = site().predict(*record, age="7mo", sex="M")
    same(found.json(), predicted(network, record[0], "--age", "7mo", "--sex", "M"))
    assert found.json()["sex"] == "male"
    in_days = site().predict(*record, age_days=213, sex="male")
    assert in_days.json()["age_days"] == 213


def test_one_examination_of_a_file_that_holds_several(site, network, tmp_path):
    file = written("CODE-15%", tmp_path)
    found = site().predict(file, exam="1169160")
    assert found.status_code == 200, found.text
    same(found.json(), predicted(network, f"{file}#1169160"))
    assert site().predict(file, exam="7").status_code == 422


def test_the_bytes_alone_say_the_format(site, tmp_path):
    file = written("DICOM", tmp_path)
    found = site().client.post("/predict", content=file.read_bytes())
    assert found.json()["record"] == "ecg"


def test_fhir_is_a_valid_report_with_the_same_probabilities(site, record):
    running = site()
    plain = running.predict(*record).json()
    found = running.predict(*record, accept="application/fhir+json")
    assert found.headers["content-type"] == "application/fhir+json"
    report = DiagnosticReport.model_validate(found.json())
    by_code = {one.code.coding[0].code: one for one in report.contained}
    for target, p in plain["probabilities"].items():
        assert float(by_code[target].valueQuantity.value) == pytest.approx(p, abs=1e-5)
        decision = plain["decisions"][target]
        words = by_code[target].interpretation
        assert (words[0].coding[0].code if words else None) == {1: "POS", 0: "NEG", None: None}[
            decision
        ]
    assert {f"#{one.id}" for one in report.contained} == {one.reference for one in report.result}
    assert by_code["8867-4"].valueQuantity.unit == "/min"
    fired = [one for one in report.contained if one.valueBoolean]
    assert len(fired) == len(plain["rules_fired"])
    assert "Not a medical device" in report.conclusion


def test_a_fault_is_told_in_the_form_that_was_asked_for(site, tmp_path):
    file = tmp_path / "x.xml"
    file.write_text("<html/>")
    found = site().predict(file, accept="application/fhir+json")
    assert found.status_code == 422
    issue = OperationOutcome.model_validate(found.json()).issue[0]
    assert issue.severity == "error"
    assert site().predict(file).json()["reason"] == "unknown-vendor"


def test_a_page_as_png_is_what_predict_plots(site, network, record, tmp_path):
    found = site().predict(*record, accept="image/png", target="chd")
    assert found.headers["content-type"] == "image/png"
    file = tmp_path / "page.png"
    predicted(network, record[0], "--plot", file, "--target", "chd")
    assert found.content == file.read_bytes()
    assert min(Image.open(io.BytesIO(found.content)).size) > 700


def test_a_page_as_pdf_has_the_same_bytes_each_time(site, record):
    one, other = (site().predict(*record, form="pdf").content for _ in range(2))
    assert one.startswith(b"%PDF-")
    assert one == other


def test_the_model_says_what_it_reads(site, network):
    found = site().client.get("/model").json()
    fitted = loaded_model.load(network).fitted
    assert tuple(found["targets"]) == fitted.targets == small_project.TARGETS
    assert found["thresholds"] == {
        "abnormal": 0.4, "chd": 0.5, "kawasaki": None, "cardiomyopathy": 2.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, application/fhir+json;q=0.9, application/json;q=0.1", "application/fhir+json"),
        ("application/json;q=0, application/fhir+json", "application/fhir+json"),
    ],
)
def test_the_most_wanted_form_that_can_be_made_is_sent(site, record, accept, kind):
    assert site().predict(*record, accept=accept).headers["content-type"] == kind


def test_a_form_that_cannot_be_made_is_refused_before_any_work(site, record):
    running = site()
    assert running.predict(*record, accept="text/html").status_code == 406
    assert running.predict(*record, form="docx").status_code == 400
    assert running.pool.jobs == []
