"""The page of saved and recent searches; the welcome page offers a few of them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from catalog import searches
from search.request import InvalidQuery
from web.context import current_engine
from web.kept import writing
from web.kept_parameters import SEARCH_ID, checked_name, checked_search
from web.middleware.route_marks import unqueued
from web.pages.forms import check_sender

LONGEST_SHOWN = 100  # characters
MOST_OFFERED = 8  # on the welcome page

blueprint = Blueprint("saved", __name__)


@blueprint.get("/saved")
@unqueued
def show() -> ResponseReturnValue:
    """Saved searches, recent ones, and a form that saves the search in the address."""
    return _page(request.query_string.decode())


@blueprint.post("/saved")
@unqueued
def save() -> ResponseReturnValue:
    """Keep a search under a name."""
    check_sender()
    parameters = request.form.get("parameters", "")
    try:
        checked, name = checked_search(parameters), checked_name(request.form.get("name", ""))
    except InvalidQuery as error:
        return _page(parameters, str(error)), 400
    with writing() as session:
        searches.save_search(session, name, checked)
    return redirect(url_for(".show"), 303)


@blueprint.post(f"/saved/{SEARCH_ID}/delete")
@unqueued
def delete(search_id: int) -> ResponseReturnValue:
    """Forget a saved search."""
    check_sender()
    with writing() as session:
        searches.delete_saved(session, search_id)
    return redirect(url_for(".show"), 303)


@blueprint.post("/saved/recent")
@unqueued
def recent() -> ResponseReturnValue:
    """Forget the recent searches, and switch their noting off or on, as the form says."""
    check_sender()
    deed = request.form.get("deed", "")
    if deed not in {"clear", "on", "off"}:
        abort(400)
    with writing() as session:
        if deed == "clear":
            searches.forget_searches(session)
        else:
            searches.remember_searches(session, deed == "on")
    return redirect(url_for(".show"), 303)


@blueprint.app_context_processor
def _kept_searches() -> dict[str, object]:
    """For templates: `kept_searches()`, the saved searches and the last few recent ones."""
    return {"kept_searches": kept_searches}


def kept_searches() -> list[tuple[str, str]]:
    """Saved searches, then the last few, as (name or words, query string), each once."""
    with current_engine().database.read() as session:
        saved = [(each.name, each.parameters) for each in searches.list_saved(session)]
        recent = recent_links(session, MOST_OFFERED)
    known = {parameters for _, parameters in saved}
    return [*saved, *(each for each in recent if each[1] not in known)][:MOST_OFFERED]


def recent_links(session: Session, most: int) -> list[tuple[str, str]]:
    """The last searches as (what was asked, query string), the newest first."""
    return [(describe(each), each) for each in searches.recent_searches(session, most)]


def describe(parameters: str) -> str:
    """A search in words: its sentence, then what narrows it."""
    fields = parse_qsl(parameters, errors="replace")
    sentence = next((text for name, text in fields if name == "q"), "")
    others = [f"{name.replace('_', ' ')} {text}" for name, text in fields if name not in {"q", "k"}]
    return " ".join(", ".join(filter(None, [sentence, *others])).split())[:LONGEST_SHOWN]


def _page(parameters: str, problem: str = "") -> str:
    with current_engine().database.read() as session:
        return render_template(
            "saved.html",
            saved=searches.list_saved(session),
            recent=recent_links(session, searches.MOST_RECENT),
            remember=searches.remembers_searches(session),
            parameters=parameters,
            described=describe(parameters),
            problem=problem,
        )
