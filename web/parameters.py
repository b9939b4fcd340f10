"""The query string of a search, turned into a SearchRequest.

Only the shape of numbers is judged here; their limits belong to search.query.
"""

from __future__ import annotations

from flask import Request

from search.query import InvalidQuery, SearchRequest


def read_search(request: Request, default_k: int) -> SearchRequest:
    """The search that the query string asks for: q, k, offset and stage.

    Raises:
        InvalidQuery: a number is not one, or the search itself refuses the values.
    """
    return SearchRequest(
        query=request.args.get("q", ""),
        k=_whole_number(request, "k", default_k),
        offset=_whole_number(request, "offset", 0),
        stage=request.args.get("stage") or "combined",
    )


def _whole_number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, "").strip()
    if not text:
        return default
    if len(text) > 9 or not text.isascii() or not text.removeprefix("-").isdigit():
        raise InvalidQuery(name, f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)
