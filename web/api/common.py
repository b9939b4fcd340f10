"""What the API's routes share: links to neighbouring pages of a list, and the check of a body."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from search.request import InvalidQuery


def page_links(offset: int, k: int, more: bool) -> dict[str, str | None]:
    """The fields `next` and `previous` of a list whose page of `k` begins at `offset`.

    Each is the requested address with another offset, without the token; None where there is no
    such page. `more`: whether anything comes after this page.
    """
    return {
        "next": _page_url(offset + k) if more else None,
        "previous": _page_url(max(0, offset - k)) if offset else None,
    }


def require_json_object(field: str) -> None:
    """Refuse a POST whose body is no JSON object; what stands in it web.parameters judges.

    Only JSON is read, because a form of another site can be sent without a preflight request.

    Raises:
        InvalidQuery: the body is JSON but no object, so it has no `field`.
        UnsupportedMediaType, BadRequest: it is not declared to be JSON, or is none; by Flask.
    """
    if request.method == "POST" and not isinstance(request.get_json(), dict):
        raise InvalidQuery(field, "the body must be a JSON object")


def _page_url(offset: int) -> str:
    others = [(k, v) for k, v in request.args.items(multi=True) if k not in {"offset", "token"}]
    return f"{request.path}?{urlencode([*others, ('offset', offset)])}"
