"""Words in the terminal: what each earned, where the captioner looked, which it never learned.

Knows nothing of where the words come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from commands.output import note

if TYPE_CHECKING:
    from search.query import WordGain


def print_words(words: Sequence[WordGain], indent: str) -> None:
    """Gains on one line, or one line a word where it is known where the captioner looked."""
    from search.explain import WordMap, place_of

    told = [f"{word.word} {word.gain:+.1f}" for word in words]
    places = [place_of(word.map) for word in words if isinstance(word, WordMap)]
    if not places:
        click.echo(indent + "  ".join(told))
    for word, place in zip(words, places, strict=False):
        click.echo(f"{indent}{word.word:12s} {word.gain:+6.1f}  {place}")


def note_unknown(
    unknown_words: Iterable[str], nearest_words: dict[str, str], in_paths: Collection[str] = ()
) -> None:
    """What became of each word that the captioner does not know."""
    for word in unknown_words:
        nearest = nearest_words.get(word)
        read_as = f"read as {nearest!r}" if nearest else "left out of the likelihood"
        lifted = "; photos with it in their path come first" if word in in_paths else ""
        note(f"the captioner never learned the word {word!r}: {read_as}{lifted}")
