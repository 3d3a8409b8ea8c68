"""The OpenAPI document of the service, and a page of it without script or network."""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import jinja2

from pedecg.service.limits import Limits

_METHODS = ("get", "post")


def document(limits: Limits, version: str) -> dict[str, Any]:
    """Return the OpenAPI document with this run's limits."""
    text = (resources.files("pedecg.service") / "openapi.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    found["info"]["version"] = version
    found["info"]["description"] += (
        f" Limits: {limits.max_mb:g} MB and {limits.body_within_s:g} s for a request's body, "
        f"{limits.answer_within_s:g} s for an answer, {limits.workers} predictions at a time, "
        f"{limits.waiting} requests waiting."
    )
    return found


def page(description: Mapping[str, Any]) -> str:
    """Return the document as HTML."""
    folder = resources.files("pedecg.service") / "page"
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "docs.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        info=description["info"],
        tags=description["tags"],
        operations=list(_operations(description)),
        schemas=description["components"]["schemas"],
        schemes=description["components"]["securitySchemes"],
    )


def style() -> bytes:
    """Return the style sheet of the page."""
    return (resources.files("pedecg.service") / "page" / "docs.css").read_bytes()


def _operations(description: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in description["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                responses = {
                    status: _resolved(description, response)
                    for status, response in operation["responses"].items()
                }
                body = operation.get("requestBody", {}).get("content", {})
                yield {
                    **operation,
                    "path": path,
                    "method": method.upper(),
                    "open": operation.get("security") == [],
                    "body": [_content(kind, one) for kind, one in body.items()],
                    "answers": [
                        {
                            "status": status,
                            "description": response["description"],
                            "headers": response.get("headers", {}),
                            "content": [
                                _content(kind, one)
                                for kind, one in response.get("content", {}).items()
                            ],
                        }
                        for status, response in responses.items()
                    ],
                }


def _resolved(description: Mapping[str, Any], response: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in response:
        return response
    name = response["$ref"].rpartition("/")[2]
    found: Mapping[str, Any] = description["components"]["responses"][name]
    return found


def _content(media_type: str, content: Mapping[str, Any]) -> dict[str, str]:
    example = content.get("example")
    text = (
        example if isinstance(example, str) else json.dumps(example, indent=1, ensure_ascii=False)
    )
    schema = content["schema"].get("$ref", "").rpartition("/")[2]
    return {"type": media_type, "schema": schema, "example": text if example else ""}
