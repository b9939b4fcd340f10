"""Errors as they are answered: HTTP status, code for programs, words for people.

Free of Flask, as a server answers some of them before it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """An error as it is answered: HTTP status, code for programs, message and hint for people."""

    status: int
    code: str
    message: str
    hint: str

    def to_json(self) -> dict[str, dict[str, str]]:
        """The one error shape of the API."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


UNAVAILABLE = Problem(
    503, "unavailable", "The collection cannot be read just now.", "Try again in a moment."
)
LOADING = Problem(
    503,
    "loading",
    "The server is loading.",
    "It answers in a moment: wait as many seconds as Retry-After says.",
)
INTERNAL_ERROR = Problem(
    500, "internal_error", "Something went wrong on our side.", "The server's log says what it was."
)
_PROBLEMS = {
    400: Problem(400, "bad_request", "The request cannot be understood.", "Check its parameters."),
    401: Problem(
        401,
        "token_needed",
        "This server asks for its token.",
        "Send it as “Authorization: Bearer TOKEN”, or open a page once with ?token=TOKEN.",
    ),
    403: Problem(
        403,
        "foreign_origin",
        "A page of another site may not send this.",
        "Send it from this server's own page, or from a program, without an Origin header.",
    ),
    404: Problem(404, "not_found", "There is nothing here.", "Check the address."),
    405: Problem(
        405, "method_not_allowed", "This address has no such method.", "Use one that Allow names."
    ),
    413: Problem(413, "too_large", "The request is too large.", "Send less."),
    415: Problem(
        415,
        "not_json",
        "The body is not declared to be JSON.",
        "Send a JSON object as “Content-Type: application/json”.",
    ),
    429: Problem(
        429,
        "too_many_requests",
        "Too many requests at once.",
        "Wait as many seconds as Retry-After says, then go on more slowly.",
    ),
    431: Problem(
        431, "header_too_large", "The header of the request is too large.", "Ask with less text."
    ),
    503: UNAVAILABLE,
}


def problem_of(status: int) -> Problem:
    """The problem that an HTTP status stands for."""
    from werkzeug.http import HTTP_STATUS_CODES

    name = HTTP_STATUS_CODES.get(status, "Unknown Error")
    plain = Problem(status, "http_error", name, "")
    return INTERNAL_ERROR if status == 500 else _PROBLEMS.get(status, plain)
