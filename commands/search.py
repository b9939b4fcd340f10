"""`tellshow search`: the photos that a sentence describes, best first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.loading import chosen_home, open_engine
from commands.common.options import engine_options, filter_options, form_options, photo_filter
from commands.common.output import note, print_answer
from commands.common.pipe_output import Form, chosen_form, print_found
from commands.common.preparation import preparing, taking_short_turns, without_collecting
from commands.common.thumbnails import choose_thumbnails
from search.limits import COMBINED, DEFAULT_CANDIDATES, STAGES

if TYPE_CHECKING:
    from search.request import SearchRequest

# Of a CSV: what each result has that fits in a cell, as in the JSON, after its rank.
_COLUMNS = (
    "rank", "photo_id", "path", "probability", "weak", "score", "log_likelihood", "evidence",
    "similarity", "image_similarity", "caption", "caption_probability",
)  # fmt: skip


@click.command()
@click.argument("query", nargs=-1, required=True)
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
@form_options
@click.option(
    "--preview/--no-preview",
    default=None,
    help="Draw thumbnails; if not said, where the terminal can.",
)
@engine_options
@without_collecting()
@taking_short_turns()
def search(
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
    output: str | None,
    paths: bool,
    null: bool,
    preview: bool | None,
    **asked: Any,
) -> None:
    """Show the photos that QUERY describes, best first; word^2 counts a word twice."""
    form = chosen_form(output, as_json, paths, null)
    with preparing() as begun:
        begun.embedder(device)  # beside the imports that reading the request takes
        if model is None:
            begun.checkpoint(chosen_home(home), device)
        request = _request(**asked)
        thumbnails = choose_thumbnails(preview) if form is Form.TABLE else None
        opening = open_engine(home, model, device, finding=True, asking=True, begun=begun)
        with opening as engine:
            answer = engine.search(request)
            photos = engine.photos([result.photo_id for result in answer.results])
            guesses = engine.guesses(photos.values()) if form is Form.TABLE else {}
            pictures = {
                key: engine.thumbnails.read(photo.content_hash)
                for key, photo in (photos if thumbnails else {}).items()
            }
    if form is Form.TABLE:
        draw = partial(thumbnails.show, pictures) if thumbnails else None
        print_answer(answer, guesses, request.explain, draw)
    else:
        print_found(form, answer.to_json(), _COLUMNS, answer.results, photos)
    if not answer.results:
        _note_why(request)


def _request(
    query: tuple[str, ...],
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
    from search.request import SearchRequest

    return SearchRequest(
        " ".join(query), count, offset, candidates, stage, photo_filter(folder, **filters),
        excluded, rather_than, explain,
    )  # fmt: skip


def _note_why(request: SearchRequest) -> None:
    """Why there is no result at all, and what can be done about it."""
    from search.filters import read_filter

    if not request.offset and request.filters != read_filter():
        note("no photo passes the filters; tellshow status lists the folders there are")
    elif not request.offset:
        note("no photo is indexed by this captioner; run tellshow index again")
