"""An error as HL7 FHIR's OperationOutcome."""

from typing import Any

# HTTP status -> FHIR's code of the issue; any other status: invalid.
_CODES = {401: "login", 413: "too-long", 429: "throttled", 500: "exception"}


def outcome(status: int, message: str) -> dict[str, Any]:
    """Return the resource for an HTTP status and a message of one line."""
    issue = {
        "severity": "error",
        "code": _CODES.get(status, "invalid"),
        "diagnostics": message,
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}
