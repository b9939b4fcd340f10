"""The collection page: what is indexed, which files failed, and the progress of index runs."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from catalog.failures import failed_paths, failures_by_reason
from catalog.paths import show_path
from web.context import current_engine
from web.errors import INDEXING
from web.indexing.runner import NotPermitted
from web.indexing.state import current_indexing
from web.middleware.route_marks import unqueued
from web.pages.collection_view import overview
from web.pages.forms import check_sender
from web.problems import Problem

_PAGE = 100
_MOST_PAGES = 10**6

blueprint = Blueprint("collection", __name__)


@blueprint.get("/collection")
@unqueued
def show() -> ResponseReturnValue:
    """All that is known about the collection, and the progress of what is being indexed."""
    return _page()


@blueprint.get("/collection/failures")
@unqueued
def failures() -> ResponseReturnValue:
    """The files that could not be read for one reason, page by page."""
    reason, page = request.args.get("reason", ""), _page_number()
    with current_engine().database.read() as session:
        files = failures_by_reason(session).get(reason, 0)
        paths = failed_paths(session, reason, _PAGE, (page - 1) * _PAGE)
    if not paths:
        abort(404)
    return render_template(
        "failures.html",
        reason=reason,
        files=files,
        paths=[show_path(path) for path in paths],
        page=page,
        first=(page - 1) * _PAGE + 1,
        more=page * _PAGE < files,
    )


@blueprint.post("/collection/index")
@unqueued
def start() -> ResponseReturnValue:
    """Begin to index the folder with the number that the form names."""
    check_sender()
    runner, number = current_indexing().runner, request.form.get("folder", "")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise NotPermitted
    runner.start(runner.allowed(int(number)))
    return redirect(url_for("collection.show"), 303)


@blueprint.post("/collection/stop")
@unqueued
def stop() -> ResponseReturnValue:
    """Ask the run that this server, or one before it, started to end."""
    check_sender()
    current_indexing().stop()
    return redirect(url_for("collection.show"), 303)


def _page(problem: Problem | None = None) -> ResponseReturnValue:
    found = overview(current_engine(), current_indexing())
    text = render_template("collection.html", found=found, problem=problem)
    return text, problem.status if problem else 200


def _page_number() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:8]) <= _MOST_PAGES:
        abort(404)
    return int(text[:8])


def _refused(error: Exception) -> ResponseReturnValue:
    return _page(INDEXING[type(error)])


for _kind in INDEXING:
    blueprint.register_error_handler(_kind, _refused)
