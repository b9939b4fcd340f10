"""Which part of a ranking a page shows, and where the pages before and after it are.

Knows nothing about HTML; it only writes query strings.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.query import SearchAnswer, SearchRequest
from web.asked import Asked


@dataclass(frozen=True)
class Paging:
    """Links around one page of results; `first` and `last` are ranks from 1, last included."""

    first: int
    last: int
    previous: str | None
    next: str | None


def page_links(asked: Asked, request: SearchRequest, answer: SearchAnswer) -> Paging:
    """The pages around `answer`; a next one is offered while candidates are left to show."""
    shown = len(answer.results)
    after = request.offset + request.k
    more = shown > 0 and after < answer.candidates
    step = min(request.k, asked.page_size)
    before = _at(asked, step, max(0, request.offset - step))
    return Paging(
        first=request.offset + 1,
        last=request.offset + shown,
        previous=before if request.offset else None,
        next=_at(asked, step, after) if more else None,
    )


def _at(asked: Asked, k: int, offset: int) -> str:
    return asked.replaced("k", str(k)).replaced("offset", str(offset)).query_string
