"""The JSON API about the collection: runs, failures, indexing a folder, and events about it.

Knows nothing about HTML; errors get their shape in web.errors, the description in web.api.openapi.
How a run is started and seen is runner.py's and progress.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask import Response, jsonify, request

from catalog.failures import failed_paths, failures_by_reason
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.runs import count_runs, list_runs
from web.api import collection_schemas as answers
from web.api.common import neighbours, require_object
from web.api.openapi import COLLECTION, accepted, api_blueprint, described, events_of
from web.context import current_engine
from web.indexing.events import TooManyStreams, stream
from web.indexing.messages import progress_json, run_json
from web.indexing.runner import shown
from web.indexing.state import Indexing, current_indexing
from web.parameters import FailuresParameters, IndexBody, RunsParameters

blueprint = api_blueprint("collection_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_object("folder")


@blueprint.get("/runs", tags=[COLLECTION], responses=described(answers.RunsAnswer))
def runs(query: RunsParameters) -> Response:
    """Index runs, the last one first."""
    engine, going = current_engine(), current_indexing().watch.look().going
    with engine.database.read() as session:
        names = {root.root_id: show_path(root.path) for root in list_roots(session)}
        found = list_runs(session, query.k, query.offset)
        total = count_runs(session)
    now = going.run_id if going else None
    listed = [run_json(run, names, run.run_id == now) for run in found]
    more = query.offset + query.k < total
    return jsonify({"total": total, "runs": listed, **neighbours(query.offset, query.k, more)})


@blueprint.get("/failures", tags=[COLLECTION], responses=described(answers.FailuresAnswer))
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
            **neighbours(query.offset, query.k, more),
        }
    )


@blueprint.get("/index", tags=[COLLECTION], responses=described(answers.IndexAnswer))
def index() -> Response:
    """What is being indexed, by whom, and what may be from here."""
    return jsonify(_index_json(current_indexing()))


@blueprint.post("/index", tags=[COLLECTION], responses=accepted(answers.IndexAnswer, 403, 409, 415))
def start_index(body: IndexBody) -> tuple[Response, int]:
    """Begin to index one of the allowed folders, named by its number or its path."""
    indexing = current_indexing()
    indexing.runner.start(indexing.runner.allowed(body.folder))
    return jsonify(_index_json(indexing)), 202


@blueprint.delete("/index", tags=[COLLECTION], responses=accepted(answers.IndexAnswer, 403, 409))
def stop_index() -> tuple[Response, int]:
    """Ask the run that this server started to end; what it did stays."""
    indexing = current_indexing()
    indexing.runner.stop()
    return jsonify(_index_json(indexing)), 202


@blueprint.get(
    "/events",
    tags=[COLLECTION],
    responses=events_of(
        "The events progress and idle, with what is current in /api/v1/index, and done, with the "
        "last of /api/v1/runs and what is last in /api/v1/index"
    ),
)
def events() -> Response:
    """Progress of whatever indexes, as it comes, for a minute: server-sent events."""
    indexing = current_indexing()
    if request.method == "HEAD":
        return _event_stream(())
    give_back = indexing.streams.take()
    if give_back is None:
        raise TooManyStreams
    text = stream(
        indexing.watch,
        indexing.runner,
        request.headers.get("Last-Event-ID", ""),
        _gone(),
        indexing.streams.closed,
    )
    response = _event_stream(text)
    # Not in the generator: one that is never begun is never ended either.
    response.call_on_close(give_back)
    return response


def _event_stream(text: Iterable[str]) -> Response:
    response = Response(text, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _gone() -> Callable[[], bool]:
    """Whether the client is; only waitress tells."""
    told: Callable[[], bool] = request.environ.get("waitress.client_disconnected", bool)
    return told


def _index_json(indexing: Indexing) -> dict[str, object]:
    runner = indexing.runner
    return {
        "current": progress_json(indexing.watch.look(fresh=True)),
        "last": runner.ended.to_json() if runner.ended else None,
        "folders": [
            {"number": number, "path": shown(folder)}
            for number, folder in enumerate(runner.folders, start=1)
        ],
    }
