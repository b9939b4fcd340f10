"""`tellshow complete`: the words that may come next in a query, with their probabilities."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common.loading import open_engine
from commands.common.options import engine_options
from commands.common.output import note_unknown, print_json
from commands.common.terminal import echo
from search.limits import DEFAULT_COMPLETIONS


@click.command("complete")
@click.argument("query")
@click.option(
    "-k",
    "count",
    type=int,
    default=DEFAULT_COMPLETIONS,
    show_default=True,
    help="How many words.",
)
@engine_options
def complete_command(
    query: str, count: int, model: Path | None, device: str | None, as_json: bool, home: Path | None
) -> None:
    """Show the words that may come next in QUERY, or complete its last one."""
    from search.complete import complete

    with open_engine(home, model, device, asking=True) as engine:
        answer = complete(engine, query, count)
    if as_json:
        print_json(answer.to_json())
        return
    for each in answer.completions:
        echo(f"{each.probability:6.1%}  {each.text}")
    note_unknown(answer.unknown_words, answer.nearest_words)
