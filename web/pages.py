"""The pages people see: a welcome, and search with its grid of results.

Knows nothing about JSON; errors get their page in web.errors.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from search.query import InvalidQuery, SearchRequest
from web.cards import make_cards
from web.context import current_config, current_engine
from web.paging import page_links, search_link
from web.parameters import read_search

EXAMPLES = (
    "a dog runs through the snow",
    "children playing on the beach",
    "a man climbing a steep rock",
    "two people on a busy street",
)
# Below this many photos the best one for an example may have nothing to do with it.
_PICTURED_FROM = 100
_EXAMPLE_SECONDS = 600

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def search() -> ResponseReturnValue:
    """The query box, and beneath it the results or an invitation to ask."""
    if "q" not in request.args:
        return _welcome()
    try:
        return _results()
    except InvalidQuery as error:
        return _welcome(error), 400


def _welcome(error: InvalidQuery | None = None) -> str:
    photos = current_engine().status().photos
    return render_template(
        "welcome.html",
        photos=photos,
        examples=EXAMPLES,
        pictured=photos >= _PICTURED_FROM,
        query=request.args.get("q", ""),
        error=error,
    )


def _results() -> str:
    size = current_config().page_size
    wanted = read_search(request, size)
    engine = current_engine()
    answer = engine.search(wanted)
    return render_template(
        "results.html",
        query=wanted.query,
        answer=answer,
        stage=wanted.stage,
        cards=make_cards(engine, answer.results, wanted.offset + 1),
        paging=page_links(wanted, answer, size),
        here=search_link(wanted, size),
        examples=EXAMPLES,
    )


@blueprint.get("/examples/<int:number>")
def example(number: int) -> ResponseReturnValue:
    """The picture of an example: the thumbnail of the photo found first for it.

    A route of its own, so that the welcome page never waits for searches.
    """
    if number >= len(EXAMPLES):
        abort(404)
    found = current_engine().search(SearchRequest(EXAMPLES[number], k=1)).results
    if not found:
        abort(404)
    answer = redirect(url_for("api.thumbnail", photo_id=found[0].photo_id))
    answer.headers["Cache-Control"] = f"private, max-age={_EXAMPLE_SECONDS}"
    return answer
