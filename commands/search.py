"""`tellshow search`: the photos that a sentence describes, best first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.loading import open_engine
from commands.common.options import engine_options, filter_options
from commands.common.output import note, print_answer, print_json
from search.limits import COMBINED, DEFAULT_CANDIDATES, STAGES

if TYPE_CHECKING:
    from search.request import SearchRequest


@click.command()
@click.argument("query")
@click.option("-k", "count", type=int, default=10, show_default=True, help="How many results.")
@click.option("--offset", type=int, default=0, help="Leave out the first results.")
@click.option(
    "--candidates",
    type=int,
    default=DEFAULT_CANDIDATES,
    show_default=True,
    help="Photos to re-rank.",
)
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    default=COMBINED,
    show_default=True,
    help="Both stages, the captioner alone (on every photo), or the vectors alone.",
)
@filter_options
@click.option("--not", "excluded", multiple=True, help="What photos shall not show.")
@click.option("--rather-than", default="", help="What photos shall show less than QUERY.")
@click.option("--explain", is_flag=True, help="Show scores, and where each word was looked for.")
@engine_options
def search(
    model: Path | None, device: str | None, as_json: bool, home: Path | None, **asked: Any
) -> None:
    """Show the photos that QUERY describes, best first; word^2 counts a word twice."""
    request = _request(**asked)
    with open_engine(home, model, device, finding=True) as engine:
        answer = engine.search(request)
        # Counting takes a while in a large catalog, and only an empty answer needs the reason.
        indexed = bool(answer.results) or engine.status().photos > 0
        found = engine.photos([result.photo_id for result in answer.results]).values()
        guesses = {} if as_json else engine.guesses(found)
    print_json(answer.to_json()) if as_json else print_answer(answer, guesses, request.explain)
    if not answer.results:
        _note_why(request, indexed)


def _request(
    query: str,
    count: int,
    offset: int,
    candidates: int,
    stage: str,
    excluded: tuple[str, ...],
    rather_than: str,
    explain: bool,
    folder: Path | None,
    **filters: str | None,
) -> SearchRequest:
    from search.filters import read_filter
    from search.request import SearchRequest

    below = str(folder.expanduser().resolve()) if folder else None
    return SearchRequest(
        query, count, offset, candidates, stage, read_filter(folder=below, **filters),
        excluded, rather_than, explain,
    )  # fmt: skip


def _note_why(request: SearchRequest, indexed: bool) -> None:
    """Why there is no result at all, and what can be done about it."""
    from search.filters import read_filter

    if not indexed:
        note("nothing is indexed yet; start with: tellshow index FOLDER")
    elif not request.offset and request.filters != read_filter():
        note("no photo passes the filters; tellshow status lists the folders there are")
    elif not request.offset:
        note("no photo is indexed by this captioner; run tellshow index again")
