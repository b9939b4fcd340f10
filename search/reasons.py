"""Reasons: what of a photo's names, of what people wrote about it, and of its tags lifts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catalog.views import PhotoView
from catalog.words import joined_words, words_in


class ReasonKind(StrEnum):
    """Where words of a query stand: NAME: in a photo's path. TAG: the model sees it."""

    KEYWORD = "keyword"
    PERSON = "person"
    TITLE = "title"
    DESCRIPTION = "description"
    NAME = "named"
    TAG = "tagged"


@dataclass(frozen=True)
class Reason:
    """A keyword, a person's name or a tag that lifts a photo; of all else the query's own word."""

    kind: ReasonKind
    text: str


def reasons_of(
    named: Sequence[str], tags: Sequence[str], photo: PhotoView
) -> dict[str, tuple[str, ...]]:
    """What lifts a photo, by kind, in the order of the kinds.

    `named`: the query's words in its names; `tags`: its own phrases that name the photo's tags.
    """
    found = dict.fromkeys(reason for word in named for reason in _of_word(word, photo))
    found.update(dict.fromkeys(Reason(ReasonKind.TAG, phrase) for phrase in tags))
    kinds = (kind for kind in ReasonKind if any(each.kind is kind for each in found))
    return {kind: tuple(each.text for each in found if each.kind is kind) for kind in kinds}


def _of_word(word: str, photo: PhotoView) -> Iterator[Reason]:
    """What people wrote with a word in it comes before the photo's name."""
    labels = [
        *(Reason(ReasonKind.KEYWORD, keyword) for keyword in photo.keywords),
        *(Reason(ReasonKind.PERSON, person) for person in photo.people),
    ]
    having = [label for label in labels if _holds(label.text, word)]
    if having:
        yield from having
    elif _holds(photo.title or "", word):
        yield Reason(ReasonKind.TITLE, word)
    elif _holds(photo.description or "", word):
        yield Reason(ReasonKind.DESCRIPTION, word)
    else:
        inside = [label for label in labels if joined_words(word) in joined_words(label.text)]
        yield from inside or [Reason(ReasonKind.NAME, word)]


def _holds(text: str, word: str) -> bool:
    return set(words_in(word)) <= set(words_in(text))
