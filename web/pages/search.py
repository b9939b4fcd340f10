"""The search page: the welcome, and the grid of results with its line."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from search.request import InvalidQuery
from web.context import current_config, current_engine
from web.pages.cards import make_cards
from web.pages.filter_picks import folder_picks
from web.pages.search_form import SearchForm, chips_of, narrows
from web.pages.search_url import SearchUrl, curl_line, has_blanks, page_links, read_search_url
from web.pages.welcome import examples_of, latest_photos
from web.parameters import read_search

blueprint = Blueprint("search", __name__)


@blueprint.get("/")
def show() -> ResponseReturnValue:
    """The query box, and beneath it the results or an invitation to ask."""
    asked = read_search_url(request.args, current_config().page_size)
    if "q" not in request.args:
        return _welcome()
    if asked.value("q") and has_blanks(request.args):
        # A form sends its empty fields, too; an address to share says only what was filled in.
        return redirect(url_for("search.show") + asked.query_string)
    try:
        return _results(asked)
    except InvalidQuery as error:
        return _query_error(asked, error), 400


def _welcome() -> str:
    engine = current_engine()
    photos = engine.status().photos
    return render_template(
        "welcome.html",
        photos=photos,
        latest=latest_photos(engine) if photos else [],
        examples=examples_of(engine) if photos else [],
    )


def _query_error(asked: SearchUrl, error: InvalidQuery) -> str:
    form = _form(asked, error)
    return render_template(
        "refused.html",
        **_form_context(asked, form),
        error=bool(form.general_error),
        examples=examples_of(current_engine()),
    )


def _form(asked: SearchUrl, error: InvalidQuery | None = None) -> SearchForm:
    engine = current_engine()
    facets = engine.facets()
    return SearchForm(asked, facets, folder_picks(engine, asked, facets), error)


def _form_context(asked: SearchUrl, form: SearchForm) -> dict[str, object]:
    """What stands around the results of a search, or around the reason why there are none."""
    return {"query": request.args["q"], "form": form, "chips": chips_of(asked)}


def _results(asked: SearchUrl) -> str:
    wanted = read_search(request, asked.page_size)
    engine = current_engine()
    answer = engine.search(wanted)
    cards = make_cards(engine, answer.results, wanted.offset + 1, asked)
    line = wanted.offset + answer.above
    as_json = url_for("photos_api.search") + asked.for_api(wanted.k)
    return render_template(
        "results.html",
        **_form_context(asked, _form(asked)),
        asked=asked,
        answer=answer,
        plain=wanted.text,
        cards=cards,
        above=sum(card.rank <= line for card in cards),
        paging=page_links(asked, wanted, answer),
        narrowed=narrows(asked),
        indexed=bool(cards) or bool(engine.status().photos),
        as_json=as_json,
        curl=curl_line(request.host_url.rstrip("/") + as_json, current_config().token is not None),
    )
