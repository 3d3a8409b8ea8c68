"""The OpenAPI document says what the service does, with examples, and needs no network."""

import re

import jsonschema
import pytest
from starlette.routing import Route

from pedecg.service import api_description, content_choice, request_log, uploads
from pedecg.service.limits import Limits


@pytest.fixture(scope="module")
def document():
    return api_description.document(Limits(), "1.2.3")


def schema_of(document, name):
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def contents(document):
    """Every media type of every body and response, with where it stands."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody", {}).get("content", {})
            yield from ((f"{method} {path}", kind, one) for kind, one in body.items())
            for status, response in operation["responses"].items():
                name = response.get("$ref", "").rpartition("/")[2]
                found = document["components"]["responses"][name] if name else response
                for kind, one in found.get("content", {}).items():
                    yield f"{method} {path} {status}", kind, one


def test_every_route_is_described_and_nothing_else(site, document):
    app = site().app._app
    routes = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route) and route.path not in ("/", "/docs/style.css")
        for method in route.methods - {"HEAD"}
    }
    described = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    assert described == routes


def test_every_example_is_what_its_schema_says(document):
    checked = 0
    for _place, kind, content in contents(document):
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        if kind.endswith("json"):
            assert "example" in content
        if name:
            jsonschema.validate(content["example"], schema_of(document, name))
            checked += 1
    assert checked > 20


def test_parameters_and_forms_are_those_that_are_read(document):
    operation = document["paths"]["/predict"]["post"]
    assert tuple(one["name"] for one in operation["parameters"]) == uploads.PARAMETERS
    assert all(one["description"] for one in operation["parameters"])
    assert set(operation["responses"]["200"]["content"]) == set(content_choice.MEDIA_TYPES.values())


def test_answers_are_what_the_document_says(site, record, document):
    running = site()
    found = running.predict(*record)
    jsonschema.validate(found.json(), schema_of(document, "Prediction"))
    fhir = running.predict(*record, form="fhir").json()
    jsonschema.validate(fhir, schema_of(document, "DiagnosticReport"))
    for path, name in (("/model", "Model"), ("/drift", "Drift"), ("/health", "Health")):
        jsonschema.validate(running.client.get(path).json(), schema_of(document, name))
    refused = running.client.post("/predict", content=b"x")
    jsonschema.validate(refused.json(), schema_of(document, "Error"))


def test_limits_of_this_run_are_stated():
    found = api_description.document(Limits(max_mb=7, workers=3), "1.2.3")
    assert "7 MB" in found["info"]["description"]
    assert "3 predictions at a time" in found["info"]["description"]


def test_the_page_needs_no_script_and_no_other_host(site):
    client = site().client
    page = client.get("/docs").text
    assert "<script" not in page
    assert "style=" not in page
    assert "{{" not in page
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(link.startswith(("/docs/style.css", "/openapi.json", "#")) for link in links)
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page


def test_no_field_of_the_log_could_hold_a_person():
    assert not set(request_log.FIELDS) & {"name", "record", "file", "path", "query", "age", "sex"}


def test_metrics_are_prometheus_text(site, record):
    from prometheus_client.parser import text_string_to_metric_families

    running = site()
    running.predict(*record)
    found = running.client.get("/metrics")
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(found.text)}
    assert families["pedecg_ecgs"].samples[0].value == 1
    counts = {
        sample.labels["target"]: sample.value
        for sample in families["pedecg_probability"].samples
        if sample.name.endswith("_count")
    }
    assert set(counts.values()) == {1.0}
