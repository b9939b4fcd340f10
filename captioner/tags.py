"""Tags: what the backbone's classifier sees in photos, in words."""

from __future__ import annotations

from dataclasses import dataclass

from captioner.captioner import Captioner, PhotoState
from captioner.class_names import class_sentences

# Tags that are less probable are left out, and so are all but the likeliest few.
LEAST_PROBABILITY = 0.1
MOST_TAGS = 5


@dataclass(frozen=True)
class Tag:
    """A class of the classifier, and the probability it gives it, 0 to 1.

    `sentence`: the name with its kind, "golden retriever dog".
    """

    name: str
    sentence: str
    probability: float


def tags_of(captioner: Captioner, state: PhotoState) -> list[tuple[Tag, ...]]:
    """The tags of each photo of a batch, likeliest first; none without a classifier."""
    if state.classes is None:
        return [()] * len(state)
    names = captioner.provenance.class_names
    sentences = class_sentences(names)
    rows = zip(state.classes.ids.tolist(), state.classes.probability.tolist(), strict=True)
    return [
        tuple(
            Tag(names[number], sentences[number], chance)
            for number, chance in zip(ids[:MOST_TAGS], chances[:MOST_TAGS], strict=True)
            if chance >= LEAST_PROBABILITY
        )
        for ids, chances in rows
    ]
