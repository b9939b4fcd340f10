"""That what is sent is JSON, and an object; what stands in it is judged in web.parameters.

Knows nothing about the addresses.
"""

from __future__ import annotations

from flask import request

from search.query import InvalidQuery


def require_object(field: str) -> None:
    """Only JSON is read: a form of another site can be sent without asking, JSON cannot.

    Raises:
        InvalidQuery: the body is no JSON object, so it has no `field`.
        UnsupportedMediaType, BadRequest: it is not declared to be JSON, or is none; by Flask.
    """
    if request.method == "POST" and not isinstance(request.get_json(), dict):
        raise InvalidQuery(field, "the body must be a JSON object")
