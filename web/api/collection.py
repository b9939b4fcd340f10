"""The JSON API of the collection: index runs, failures, indexing a folder, and its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask import Response, jsonify, request

from catalog.failures import failed_paths, failures_by_reason
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.runs import count_runs, list_runs
from web.api import collection_schemas as schemas
from web.api.openapi import COLLECTION, accepts, answers, api_blueprint, event_stream
from web.context import current_engine
from web.indexing.events import TooManyStreams, event_texts
from web.indexing.messages import progress_json, run_json
from web.indexing.runner import folder_text
from web.indexing.state import Indexing, current_indexing
from web.middleware.route_marks import unqueued
from web.parameters import (
    FailuresParameters,
    IndexBody,
    RunsParameters,
    page_links,
    require_json_object,
)

blueprint = api_blueprint("collection_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_json_object("folder")


@blueprint.get("/runs", tags=[COLLECTION], responses=answers(schemas.RunsAnswer))
@unqueued
def runs(query: RunsParameters) -> Response:
    """Index runs, the last one first."""
    engine, active = current_engine(), current_indexing().monitor.progress().active_run
    with engine.database.read() as session:
        names = {root.root_id: show_path(root.path) for root in list_roots(session)}
        found = list_runs(session, query.k, query.offset)
        total = count_runs(session)
    active_id = active.run_id if active else None
    listed = [run_json(run, names, run.run_id == active_id) for run in found]
    more = query.offset + query.k < total
    return jsonify({"total": total, "runs": listed, **page_links(query.offset, query.k, more)})


@blueprint.get("/failures", tags=[COLLECTION], responses=answers(schemas.FailuresAnswer))
@unqueued
def failures(query: FailuresParameters) -> Response:
    """Why files could not be indexed, and with a reason, which files."""
    with current_engine().database.read() as session:
        reasons = failures_by_reason(session)
        paths = failed_paths(session, query.reason, query.k, query.offset)
    more = query.offset + query.k < reasons.get(query.reason, 0)
    return jsonify(
        {
            "reasons": [{"reason": name, "files": count} for name, count in reasons.items()],
            "paths": [show_path(path) for path in paths],
            **page_links(query.offset, query.k, more),
        }
    )


@blueprint.get("/index", tags=[COLLECTION], responses=answers(schemas.IndexAnswer))
@unqueued
def index() -> Response:
    """What is being indexed, by whom, and what may be from here."""
    return jsonify(_index_json(current_indexing()))


@blueprint.post("/index", tags=[COLLECTION], responses=accepts(schemas.IndexAnswer, 403, 409, 415))
@unqueued
def start_index(body: IndexBody) -> tuple[Response, int]:
    """Begin to index one of the allowed folders, named by its number or its path."""
    indexing = current_indexing()
    indexing.runner.start(indexing.runner.allowed(body.folder))
    return jsonify(_index_json(indexing)), 202


@blueprint.delete("/index", tags=[COLLECTION], responses=accepts(schemas.IndexAnswer, 403, 409))
@unqueued
def stop_index() -> tuple[Response, int]:
    """Ask the run that this server, or one before it, started to end; what it did stays."""
    indexing = current_indexing()
    indexing.stop()
    return jsonify(_index_json(indexing)), 202


@blueprint.get(
    "/events",
    tags=[COLLECTION],
    responses=event_stream(
        "The events progress and idle, with what is current in /api/v1/index, and done, with the "
        "last of /api/v1/runs and what is last in /api/v1/index"
    ),
)
@unqueued
def events() -> Response:
    """Progress of whatever indexes, as it comes, for a minute: server-sent events."""
    indexing = current_indexing()
    if request.method == "HEAD":
        return _event_stream(())
    release = indexing.streams.acquire()
    if release is None:
        raise TooManyStreams
    text = event_texts(
        indexing.monitor,
        indexing.runner,
        request.headers.get("Last-Event-ID", ""),
        _client_disconnected(),
        indexing.streams.closed,
    )
    response = _event_stream(text)
    # Not in the generator: one that is never begun is never ended either.
    response.call_on_close(release)
    return response


def _event_stream(text: Iterable[str]) -> Response:
    response = Response(text, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _client_disconnected() -> Callable[[], bool]:
    """A function that says whether the client has disconnected; only waitress offers one."""
    found: Callable[[], bool] = request.environ.get("waitress.client_disconnected", bool)
    return found


def _index_json(indexing: Indexing) -> dict[str, object]:
    runner = indexing.runner
    return {
        "current": progress_json(indexing.monitor.progress(fresh=True)),
        "last": runner.last_run.to_json() if runner.last_run else None,
        "folders": [
            {"number": number, "path": folder_text(folder)}
            for number, folder in enumerate(runner.folders, start=1)
        ],
    }
