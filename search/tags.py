"""What the backbone's classifier sees in a photo, in words."""

from __future__ import annotations

from dataclasses import dataclass

from captioner.captioner import Captioner, PhotoState

# Tags that are less probable are left out, and so are all but the likeliest few.
LEAST_PROBABILITY = 0.1
MOST_TAGS = 5


@dataclass(frozen=True)
class Tag:
    """A class of the classifier, and the probability it gives it, 0 to 1."""

    name: str
    probability: float


def tags_of(captioner: Captioner, state: PhotoState) -> tuple[Tag, ...]:
    """A photo's tags, likeliest first, of a state of one photo; none without a classifier."""
    if state.classes is None:
        return ()
    names = captioner.provenance.class_names
    pairs = zip(state.classes.ids[0].tolist(), state.classes.probability[0].tolist(), strict=True)
    likely = [Tag(names[number], chance) for number, chance in pairs if chance >= LEAST_PROBABILITY]
    return tuple(likely[:MOST_TAGS])
