"""The search page's address: its fields as they were typed, and addresses derived from it.

Nothing is validated here; web.parameters.read_search does that.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from search.limits import COMBINED
from search.request import SearchRequest
from search.results import SearchAnswer
from web.parameters import FILTERS

# In the order in which an address names them.
_FIELDS = ("q", "not", "rather_than", *FILTERS, "k", "stage", "offset")
_DEFAULTS = {"stage": COMBINED, "offset": "0"}


@dataclass(frozen=True)
class SearchUrl:
    """The fields that differ from their defaults: (name, text); `not` may occur several times."""

    fields: tuple[tuple[str, str], ...]
    page_size: int

    def value(self, name: str) -> str:
        """The text of a field, empty where it is not given."""
        return next(iter(self.values(name)), "")

    def values(self, name: str) -> tuple[str, ...]:
        """All texts of a field."""
        return tuple(text for key, text in self.fields if key == name)

    @property
    def query_string(self) -> str:
        """The query string with its question mark, defaults left out."""
        return "?" + urlencode(self.fields)

    def for_api(self, k: int) -> str:
        """The query string of the same search by the API, which has another default of k."""
        others = tuple(pair for pair in self.fields if pair[0] != "k")
        return "?" + urlencode(_sorted((*others, ("k", str(k)))))

    def replaced(self, name: str, text: str) -> SearchUrl:
        """The same with one field set to `text`, or left out where that is its default."""
        others = tuple(pair for pair in self.fields if pair[0] != name)
        return SearchUrl(_sorted(others + _significant(name, text, self.page_size)), self.page_size)

    def without(self, name: str, text: str) -> SearchUrl:
        """The first page of the same search without one text of a field."""
        kept = tuple(pair for pair in self.fields if pair != (name, text))
        return SearchUrl(kept, self.page_size).first_page()

    def with_also(self, name: str, text: str) -> SearchUrl:
        """The first page of the same search with one more text of a field."""
        return SearchUrl(_sorted((*self.fields, (name, text))), self.page_size).first_page()

    def query_alone(self) -> SearchUrl:
        """The same sentence among all photos."""
        return SearchUrl(tuple(pair for pair in self.fields if pair[0] == "q"), self.page_size)

    def first_page(self) -> SearchUrl:
        """Without an offset; nor with more photos than a page has, which were loaded on the way."""
        k = self.value("k")
        loaded = k.isdecimal() and int(k) > self.page_size
        dropped = {"offset", "k"} if loaded else {"offset"}
        return SearchUrl(tuple(p for p in self.fields if p[0] not in dropped), self.page_size)


@dataclass(frozen=True)
class Paging:
    """Links around one page of results; `first` and `last` are ranks from 1, last included."""

    first: int
    last: int
    previous: str | None
    next: str | None


def read_search_url(fields: MultiDict[str, str], page_size: int) -> SearchUrl:
    """The fields of a query string or form; `page_size` is the default of k."""
    significant = (
        pair
        for name in _FIELDS
        for text in fields.getlist(name)
        for pair in _significant(name, text, page_size)
    )
    return SearchUrl(tuple(dict.fromkeys(significant)), page_size)


def has_blanks(fields: MultiDict[str, str]) -> bool:
    """Whether empty fields of a form stand in the address, the sentence aside."""
    return any(not text.strip() for name in _FIELDS[1:] for text in fields.getlist(name))


def page_links(asked: SearchUrl, request: SearchRequest, answer: SearchAnswer) -> Paging:
    """The pages around `answer`; a next one is offered while photos are left to show."""
    shown = len(answer.results)
    after = request.offset + request.k
    step = min(request.k, asked.page_size)
    before = _page_url(asked, step, max(0, request.offset - step))
    return Paging(
        first=request.offset + 1,
        last=request.offset + shown,
        previous=before if request.offset else None,
        next=_page_url(asked, step, after) if answer.more else None,
    )


def curl_line(address: str, needs_token: bool) -> str:
    """A curl command for a POSIX shell, `address` quoted; with a token it reads $TOKEN."""
    words = ["curl", "-s"]
    if needs_token:
        words.append('-H "Authorization: Bearer $TOKEN"')
    return " ".join([*words, shlex.quote(address)])


def _page_url(asked: SearchUrl, k: int, offset: int) -> str:
    return asked.replaced("k", str(k)).replaced("offset", str(offset)).query_string


def _significant(name: str, text: str, page_size: int) -> tuple[tuple[str, str], ...]:
    text = text.strip()
    plain = str(page_size) if name == "k" else _DEFAULTS.get(name, "")
    return ((name, text),) if text and text != plain else ()


def _sorted(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields, key=lambda pair: _FIELDS.index(pair[0])))
