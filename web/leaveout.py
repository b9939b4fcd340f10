"""What of a photo's caption somebody may want to leave out of a search.

A word that the search asks for is none of it: it cannot be wanted and unwanted at once. Knows
nothing about HTML, nor how texts are excluded.
"""

from __future__ import annotations

from dataclasses import dataclass

from captioner.vocabulary import tokenise
from search.query import MAX_EXCLUDED
from web.asked import Asked

# Words that show nothing by themselves, as captions use them.
_SHOWING_NOTHING = frozenset(
    tokenise(
        "a an the his her its their some and or of in on at by with from to into onto over under "
        "up down through behind near front next while as is are was were be being has have having "
        "there that this it he she they them him 's out off for who which each other another"
    )
)


@dataclass(frozen=True)
class LeaveOut:
    """A text to exclude, and `link`, the search that excludes it."""

    text: str
    link: str


def leave_outs(asked: Asked, caption: str) -> list[LeaveOut]:
    """The words of `caption` that show something, then all of it; none where no more may be."""
    already = asked.values("not")
    if len(already) >= MAX_EXCLUDED:
        return []
    wanted = {*tokenise(asked.value("q")), *_SHOWING_NOTHING, *already}
    words = [word for word in dict.fromkeys(tokenise(caption)) if word not in wanted]
    texts = [*words, caption] if caption and caption not in already else words
    return [LeaveOut(text, asked.with_also("not", text).query_string) for text in texts]
