"""The query string of a search, turned into a SearchRequest, its filters apart.

Only the shape of numbers is judged here; their limits belong to search.query.
"""

from __future__ import annotations

from flask import Request

from catalog.filters import PhotoFilter
from search.filters import read_filter
from search.query import InvalidQuery, SearchRequest, check_count

FILTERS = ("after", "before", "folder", "camera", "format", "orientation")

_DEFAULT_COMPLETIONS = 8
_SWITCH = {"": False, "0": False, "false": False, "1": True, "true": True}


def read_search(request: Request, default_k: int) -> SearchRequest:
    """The search that the query string asks for; `not` may come several times.

    Raises:
        InvalidQuery: a number is not one, or the search itself refuses the values.
    """
    return SearchRequest(
        query=request.args.get("q", ""),
        k=_whole_number(request, "k", default_k),
        offset=_whole_number(request, "offset", 0),
        stage=request.args.get("stage") or "combined",
        excluded=tuple(text for text in request.args.getlist("not") if text.strip()),
        rather_than=request.args.get("rather_than", "").strip(),
        explain=_switch(request, "explain"),
    )


def read_filters(request: Request) -> PhotoFilter:
    """Which photos may be found: after, before, folder, camera, format and orientation.

    Raises:
        InvalidQuery: one of them cannot be understood.
    """
    return read_filter(**{name: request.args.get(name) for name in FILTERS})


def read_count(request: Request, default_k: int) -> int:
    """How many results the query string asks for with k.

    Raises:
        InvalidQuery: it is no number, or too many.
    """
    k = _whole_number(request, "k", default_k)
    check_count(k)
    return k


def read_prefix(request: Request) -> tuple[str, int]:
    """What was typed so far, and how many completions are wanted: q and k. Raises InvalidQuery."""
    return request.args.get("q", ""), _whole_number(request, "k", _DEFAULT_COMPLETIONS)


def _switch(request: Request, name: str) -> bool:
    text = request.args.get(name, "").strip().lower()
    if text not in _SWITCH:
        raise InvalidQuery(name, f"{name} must be 1 or 0, not {text[:40]!r}")
    return _SWITCH[text]


def _whole_number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, "").strip()
    if not text:
        return default
    if len(text) > 9 or not text.isascii() or not text.removeprefix("-").isdigit():
        raise InvalidQuery(name, f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)
