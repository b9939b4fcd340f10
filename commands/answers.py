"""The answer to a search, in the terminal.

Knows nothing of how it was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands.output import note
from commands.words import note_unknown, print_words

if TYPE_CHECKING:
    from search.query import SearchAnswer


def print_answer(answer: SearchAnswer) -> None:
    """Place, score, how surely it fits and path; below, the caption and what each word earned."""
    if answer.nothing_fits:
        note("no photo fits this convincingly; these come nearest:")
    for place, result in enumerate(answer.results, start=1):
        fits = "weak" if result.weak else f"{result.probability:.0%}"
        click.echo(f"{place:3d}  {result.score:8.2f}  {fits:>4s}  {result.path}")
        click.echo(f"               {result.caption}")
        print_words(result.words, "               ")
    in_paths = {word for result in answer.results for word in result.matched}
    note_unknown(answer.unknown_words, answer.nearest_words, in_paths)
