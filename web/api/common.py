"""Where the pages of a list of the API are: the address that was asked for, with another offset.

Knows nothing about what the lists hold.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from search.request import InvalidQuery


def neighbours(offset: int, k: int, more: bool) -> dict[str, str | None]:
    """The pages before and after the one from `offset` on; None where there is none."""
    return {
        "next": _page(offset + k) if more else None,
        "previous": _page(max(0, offset - k)) if offset else None,
    }


def _page(offset: int) -> str:
    asked = [(k, v) for k, v in request.args.items(multi=True) if k not in {"offset", "token"}]
    return f"{request.path}?{urlencode([*asked, ('offset', offset)])}"


# That what is sent is JSON, and an object; what stands in it is judged in web.parameters


def require_object(field: str) -> None:
    """Only JSON is read: a form of another site can be sent without asking, JSON cannot.

    Raises:
        InvalidQuery: the body is no JSON object, so it has no `field`.
        UnsupportedMediaType, BadRequest: it is not declared to be JSON, or is none; by Flask.
    """
    if request.method == "POST" and not isinstance(request.get_json(), dict):
        raise InvalidQuery(field, "the body must be a JSON object")
