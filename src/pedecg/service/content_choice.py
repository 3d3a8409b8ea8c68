"""Which form of an answer a request asks for: its `Accept` header, or the parameter `form`."""

from starlette.requests import Request

from pedecg.web.bodies import HttpError

FHIR = "application/fhir+json"
# Form -> its media type; the first is sent where anything is accepted.
MEDIA_TYPES = {
    "json": "application/json",
    "fhir": FHIR,
    "png": "image/png",
    "pdf": "application/pdf",
}


def form(request: Request) -> str:
    """Return a key of `MEDIA_TYPES`.

    Raises
    ------
    HttpError
        Nothing of what is accepted can be made (406), or `form` names none (400).
    """
    named = request.query_params.get("form")
    if named is not None:
        if named not in MEDIA_TYPES:
            message = f"form: expected {', '.join(MEDIA_TYPES)}"
            raise HttpError(400, message, "unusable-parameter")
        return named
    accepted = _accepted(request.headers.get("accept", "*/*"))
    for wanted in accepted:
        for name, media_type in MEDIA_TYPES.items():
            if wanted in (media_type, "*/*", f"{media_type.partition('/')[0]}/*"):
                return name
    known = ", ".join(MEDIA_TYPES.values())
    raise HttpError(406, f"Accept: expected one of {known}", "not-acceptable")


def media_type(name: str) -> str:
    """Return the media type of a form."""
    return MEDIA_TYPES[name]


def wants_fhir(request: Request) -> bool:
    """Return whether errors are sent as FHIR's OperationOutcome."""
    accepted = _accepted(request.headers.get("accept", ""))
    return request.query_params.get("form") == "fhir" or accepted[:1] == [FHIR]


def _accepted(header: str) -> list[str]:
    """Return the accepted media types, the most wanted first."""
    found = []
    for number, part in enumerate(header.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if name and quality > 0:
            found.append((-quality, number, name))
    return [name for *_, name in sorted(found)]
