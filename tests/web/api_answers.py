"""What the tests read from answers of the API."""

from __future__ import annotations

from werkzeug.test import TestResponse


def found_ids(response: TestResponse) -> list[int]:
    """The photos of an answer, in its order."""
    return [result["photo_id"] for result in response.json["results"]]


def error_of(response: TestResponse) -> dict[str, str]:
    """The error, after a check that it has the one shape."""
    assert response.mimetype == "application/json"
    assert set(response.json) == {"error"}
    error: dict[str, str] = response.json["error"]
    assert set(error) == {"code", "message", "hint"}
    assert all(isinstance(value, str) for value in error.values())
    return error
