"""The JSON API of saved and recent searches."""

from __future__ import annotations

from flask import Response, abort, jsonify
from sqlalchemy.orm import Session

from catalog import searches
from web.api import kept_schemas as schemas
from web.api.openapi import KEPT, answers, api_blueprint
from web.context import current_engine
from web.kept import writing
from web.kept_parameters import SEARCH_ID, AskedSearch, NewSearch, Remembering, SearchPath
from web.middleware.route_marks import unqueued
from web.parameters import require_json_object

blueprint = api_blueprint("searches_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_json_object("parameters")


@blueprint.get("/searches", tags=[KEPT], responses=answers(schemas.SearchesAnswer))
@unqueued
def list_searches() -> Response:
    """Searches that were saved, and the last ones that were asked on the page."""
    with current_engine().database.read() as session:
        return jsonify(_searches_json(session))


@blueprint.post("/searches", tags=[KEPT], responses=answers(schemas.SearchesAnswer, 403, 409, 415))
@unqueued
def save_search(body: NewSearch) -> Response:
    """Keep a search under a name."""
    with writing() as session:
        searches.save_search(session, body.name, body.parameters)
        return jsonify(_searches_json(session))


@blueprint.delete(
    f"/searches/{SEARCH_ID}", tags=[KEPT], responses=answers(schemas.SearchesAnswer, 403, 404, 409)
)
@unqueued
def delete_search(path: SearchPath) -> Response:
    """Forget a saved search."""
    with writing() as session:
        if not searches.delete_saved(session, path.search_id):
            abort(404)
        return jsonify(_searches_json(session))


@blueprint.post(
    "/searches/recent", tags=[KEPT], responses=answers(schemas.SearchesAnswer, 403, 409, 415)
)
@unqueued
def note_search(body: AskedSearch) -> Response:
    """Note that a search was asked, as the page does, unless that is switched off."""
    with writing() as session:
        searches.note_search(session, body.parameters)
        return jsonify(_searches_json(session))


@blueprint.patch(
    "/searches/recent", tags=[KEPT], responses=answers(schemas.SearchesAnswer, 403, 409, 415)
)
@unqueued
def remember_searches(body: Remembering) -> Response:
    """Switch the noting of searches on or off."""
    with writing() as session:
        searches.remember_searches(session, body.remember)
        return jsonify(_searches_json(session))


@blueprint.delete(
    "/searches/recent", tags=[KEPT], responses=answers(schemas.SearchesAnswer, 403, 409)
)
@unqueued
def forget_searches() -> Response:
    """Forget all recent searches; those that were saved stay."""
    with writing() as session:
        searches.forget_searches(session)
        return jsonify(_searches_json(session))


def _searches_json(session: Session) -> dict[str, object]:
    return {
        "saved": [
            {
                "search_id": each.search_id,
                "name": each.name,
                "parameters": each.parameters,
                "created_at": each.created_at.isoformat(),
            }
            for each in searches.list_saved(session)
        ],
        "recent": searches.recent_searches(session),
        "remember": searches.remembers_searches(session),
    }
