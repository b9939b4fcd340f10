"""Where the next and the previous page of results are.

Knows nothing about HTML; it only writes query strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from search.query import SearchAnswer, SearchRequest


@dataclass(frozen=True)
class Paging:
    """Links around one page of results; `first` and `last` are ranks from 1, last included."""

    first: int
    last: int
    previous: str | None
    next: str | None


def page_links(request: SearchRequest, answer: SearchAnswer, default_k: int) -> Paging:
    """The pages around `answer`; a next one is offered while candidates are left to show."""
    shown = len(answer.results)
    after = request.offset + request.k
    more = shown > 0 and after < answer.candidates
    return Paging(
        first=request.offset + 1,
        last=request.offset + shown,
        previous=_link(request, max(0, request.offset - request.k), default_k)
        if request.offset
        else None,
        next=_link(request, after, default_k) if more else None,
    )


def search_link(request: SearchRequest, default_k: int) -> str:
    """The page of `request` itself, for links that lead back to it."""
    return _link(request, request.offset, default_k)


def _link(request: SearchRequest, offset: int, default_k: int) -> str:
    """A query string that says only what differs from a plain first page."""
    wanted: list[tuple[str, str]] = [("q", request.query)]
    wanted += [("not", text) for text in request.excluded]
    if request.rather_than:
        wanted.append(("rather_than", request.rather_than))
    if request.k != default_k:
        wanted.append(("k", str(request.k)))
    if request.stage != "combined":
        wanted.append(("stage", request.stage))
    if offset:
        wanted.append(("offset", str(offset)))
    return "?" + urlencode(wanted)
