"""Pairs of captions that differ in word order alone, to test that the captioner reads in order.

"The boy chases the dog" is not "the dog chases the boy": a model that reads in order finds the
original caption more probable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captioner.vocabulary import tokenise

# Who can do something to whom; the words of Flickr8k's commonest subjects. Only like numbers
# are exchanged, since a model of English alone knows that "a people" is wrong.
_ONE = frozenset(
    tokenise(
        "man woman boy girl child kid baby toddler lady guy person player skier biker rider surfer "
        "dog puppy cat horse bird cow"
    )
)
_MANY = frozenset(tokenise("men women boys girls children kids people players dogs puppies birds"))
# Between two actors who do the same, exchanging them changes nothing.
_EQUALS = frozenset(tokenise("and or with beside next near together"))


@dataclass(frozen=True)
class ReorderedCaption:
    """A photo's caption and the same words in another order; `swapped`: two actors exchanged."""

    photo: int
    original: tuple[str, ...]
    reordered: tuple[str, ...]
    swapped: bool


def reorder_captions(
    captions: Sequence[Sequence[str]], count: int, seed: int = 0
) -> list[ReorderedCaption]:
    """Pairs from photos' captions: half with roles exchanged (if there are so many), half shuffled.

    Fewer than `count` where there are fewer captions.
    """
    generator = np.random.default_rng(seed)
    texts = [(row, tuple(tokenise(text))) for row, own in enumerate(captions) for text in own]
    order = [texts[index] for index in generator.permutation(len(texts))]
    swaps = [
        ReorderedCaption(row, words, swapped, swapped=True)
        for row, words in order
        if (swapped := swap_roles(words))
    ][: count // 2]
    shuffles = [
        ReorderedCaption(row, words, shuffled, swapped=False)
        for row, words in order
        if (shuffled := _shuffle(words, generator)) != words
    ]
    return swaps + shuffles[: count - len(swaps)]


def swap_roles(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Exchange the only two actors of a sentence; None where it has no two unlike ones."""
    places = [place for place, word in enumerate(words) if word in _ONE | _MANY]
    if len(places) != 2:
        return None
    first, second = places
    unlike = words[first] != words[second]
    if not unlike or (words[first] in _ONE) != (words[second] in _ONE):
        return None
    if _EQUALS & set(words[first:second]):
        return None
    new = list(words)
    new[first], new[second] = words[second], words[first]
    return tuple(new)


def _shuffle(words: tuple[str, ...], generator: np.random.Generator) -> tuple[str, ...]:
    return tuple(words[place] for place in generator.permutation(len(words)))
