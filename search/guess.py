"""What is shown of a photo as a guess: its caption where that is probable, else its tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captioner.captioner import CaptionFit
from captioner.tags import Tag
from search.calibration import Captions, caption_probability

# From this probability on a caption is shown.
LEAST_PROBABILITY = 0.3


@dataclass(frozen=True)
class Guess:
    """A probable caption, or tags in its place; both empty where nothing is probable enough."""

    caption: str = ""
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.caption or ", ".join(self.tags)


def is_probable(fit: CaptionFit, captions: Captions) -> bool:
    """Whether a photo's best caption is shown."""
    return caption_probability(fit, captions) >= LEAST_PROBABILITY


def make_guess(fit: CaptionFit, captions: Captions, tags: Sequence[Tag]) -> Guess:
    """A photo's guess, of its captions and tags, best first."""
    if is_probable(fit, captions):
        return Guess(caption=captions[0][0])
    return Guess(tags=tuple(tag.name for tag in tags))
