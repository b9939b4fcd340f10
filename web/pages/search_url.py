"""What somebody asked for, as they typed it, and addresses that ask for a little more or less.

Judges nothing: whether it can be answered is for web.parameters and the search to say.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from search.request import SearchRequest
from search.results import SearchAnswer
from web.parameters import FILTERS

# In the order in which an address names them.
_FIELDS = ("q", "not", "rather_than", *FILTERS, "k", "stage", "offset")
_PLAIN = {"stage": "combined", "offset": "0"}


@dataclass(frozen=True)
class Asked:
    """The fields that say something, as (name, text); `not` may stand there several times."""

    fields: tuple[tuple[str, str], ...]
    page_size: int

    def value(self, name: str) -> str:
        """The text of a field, empty where it says nothing."""
        return next(iter(self.values(name)), "")

    def values(self, name: str) -> tuple[str, ...]:
        """All texts of a field."""
        return tuple(text for key, text in self.fields if key == name)

    @property
    def query_string(self) -> str:
        """With a question mark; says only what differs from a plain first page."""
        return "?" + urlencode(self.fields)

    def for_api(self, k: int) -> str:
        """The same for the API, whose pages hold another number of photos unless told."""
        others = tuple(pair for pair in self.fields if pair[0] != "k")
        return "?" + urlencode(_sorted((*others, ("k", str(k)))))

    def replaced(self, name: str, text: str) -> Asked:
        """The same with one field's texts replaced by `text`, or left out where it is plain."""
        others = tuple(pair for pair in self.fields if pair[0] != name)
        return Asked(_sorted(others + _telling(name, text, self.page_size)), self.page_size)

    def without(self, name: str, text: str) -> Asked:
        """The first page of the same search without one text of a field."""
        kept = tuple(pair for pair in self.fields if pair != (name, text))
        return Asked(kept, self.page_size).first_page()

    def with_also(self, name: str, text: str) -> Asked:
        """The first page of the same search with one more text of a field."""
        return Asked(_sorted((*self.fields, (name, text))), self.page_size).first_page()

    def query_alone(self) -> Asked:
        """The same sentence among all photos."""
        return Asked(tuple(pair for pair in self.fields if pair[0] == "q"), self.page_size)

    def first_page(self) -> Asked:
        """Without an offset; nor with more photos than a page has, which were loaded on the way."""
        k = self.value("k")
        loaded = k.isdecimal() and int(k) > self.page_size
        dropped = {"offset", "k"} if loaded else {"offset"}
        return Asked(tuple(p for p in self.fields if p[0] not in dropped), self.page_size)


def read_asked(fields: MultiDict[str, str], page_size: int) -> Asked:
    """The fields of a query string or form; `page_size` is the k that goes without saying."""
    telling = (
        pair
        for name in _FIELDS
        for text in fields.getlist(name)
        for pair in _telling(name, text, page_size)
    )
    return Asked(tuple(dict.fromkeys(telling)), page_size)


def has_blanks(fields: MultiDict[str, str]) -> bool:
    """Whether empty fields of a form stand in the address, the sentence aside."""
    return any(not text.strip() for name in _FIELDS[1:] for text in fields.getlist(name))


def _telling(name: str, text: str, page_size: int) -> tuple[tuple[str, str], ...]:
    text = text.strip()
    plain = str(page_size) if name == "k" else _PLAIN.get(name, "")
    return ((name, text),) if text and text != plain else ()


def _sorted(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields, key=lambda pair: _FIELDS.index(pair[0])))


# Which part of a ranking a page shows, and where the pages before and after it are


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


# The command that asks the API for what a page shows, for people to copy into a shell


def curl_line(address: str, needs_token: bool) -> str:
    """A line for a POSIX shell, whatever stands in `address`; $TOKEN is the reader's to set."""
    words = ["curl", "-s"]
    if needs_token:
        words.append('-H "Authorization: Bearer $TOKEN"')
    return " ".join([*words, shlex.quote(address)])
