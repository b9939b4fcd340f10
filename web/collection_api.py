"""The JSON API about the collection: runs, failures, indexing a folder, and events about it.

Knows nothing about HTML; how a run is started and seen is runner.py's and progress.py's.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from catalog import photos
from catalog.failures import failed_paths, failures_by_reason
from catalog.paths import show_path
from catalog.runs import count_runs, list_runs
from search.query import InvalidQuery
from web.context import current_engine
from web.errors import Problem
from web.events import stream
from web.indexing import Indexing, current_indexing
from web.parameters import DEFAULT_K
from web.runner import AlreadyRunning, NothingRuns, NotPermitted, shown
from web.runs import run_json
from web.told import progress_json

_MOST_OFFSET = 10**9
_RETRY_SECONDS = 10

blueprint = Blueprint("collection_api", __name__, url_prefix="/api/v1")

PROBLEMS: dict[type[Exception], Problem] = {
    NotPermitted: Problem(
        403,
        "index_not_permitted",
        "This folder may not be indexed from here.",
        "Start the server with --allow-index FOLDER, or run tellshow index FOLDER.",
    ),
    AlreadyRunning: Problem(
        409,
        "index_running",
        "Something is being indexed already.",
        "Wait until it is done, or stop it.",
    ),
    NothingRuns: Problem(
        409,
        "no_index_running",
        "This server is not indexing anything.",
        "A run that was started elsewhere is stopped there, with Ctrl-C.",
    ),
}
_TOO_MANY_STREAMS = Problem(
    503,
    "too_many_streams",
    "Too many are following the events already.",
    "Ask for /api/v1/index from time to time instead.",
)


@blueprint.get("/runs")
def runs() -> ResponseReturnValue:
    """Index runs, the last one first."""
    engine, going = current_engine(), current_indexing().watch.look().going
    with engine.database.read() as session:
        names = {root.root_id: show_path(root.path) for root in photos.roots(session)}
        found = list_runs(session, int(request.args.get("k") or DEFAULT_K), _offset())
        total = count_runs(session)
    now = going.run_id if going else None
    listed = [run_json(run, names, run.run_id == now) for run in found]
    return jsonify({"total": total, "runs": listed})


@blueprint.get("/failures")
def failures() -> ResponseReturnValue:
    """Why files could not be indexed, and with a reason, which files."""
    reason = request.args.get("reason", "")
    with current_engine().database.read() as session:
        reasons = failures_by_reason(session)
        paths = failed_paths(session, reason, int(request.args.get("k") or DEFAULT_K), _offset())
    counted = [{"reason": name, "files": count} for name, count in reasons.items()]
    return jsonify({"reasons": counted, "paths": [show_path(path) for path in paths]})


@blueprint.get("/index")
def index() -> ResponseReturnValue:
    """What is being indexed, by whom, and what may be from here."""
    return jsonify(_index_json(current_indexing()))


@blueprint.post("/index")
def start_index() -> ResponseReturnValue:
    """Begin to index one of the allowed folders, named by its number or its path.

    Only JSON is read: a form of another site can be sent without asking, JSON cannot.
    """
    body = request.get_json()
    folder = body.get("folder") if isinstance(body, dict) else None
    if type(folder) is not int and type(folder) is not str:
        raise InvalidQuery("folder", "folder must be a number or a path of a folder allowed here")
    indexing = current_indexing()
    indexing.runner.start(indexing.runner.allowed(folder))
    return jsonify(_index_json(indexing)), 202


@blueprint.delete("/index")
def stop_index() -> ResponseReturnValue:
    """Ask the run that this server started to end; what it did stays."""
    indexing = current_indexing()
    indexing.runner.stop()
    return jsonify(_index_json(indexing)), 202


@blueprint.get("/events")
def events() -> ResponseReturnValue:
    """Progress of whatever indexes, as it comes; see web.events."""
    indexing = current_indexing()
    if request.method == "HEAD":
        return _event_stream("")
    give_back = indexing.streams.take()
    if give_back is None:
        return _too_many()
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


def _event_stream(text: object) -> Response:
    response = Response(text, mimetype="text/event-stream")  # type: ignore[arg-type]
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _gone() -> Callable[[], bool]:
    """Whether the client is; only waitress tells."""
    told: Callable[[], bool] = request.environ.get("waitress.client_disconnected", bool)
    return told


def _too_many() -> Response:
    response = make_response(jsonify(_TOO_MANY_STREAMS.to_json()), ServiceUnavailable.code)
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


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


def _offset() -> int:
    text = request.args.get("offset", "").strip() or "0"
    if not (text.isascii() and text.isdigit()) or int(text[:11]) > _MOST_OFFSET:
        raise InvalidQuery("offset", f"offset must be a whole number from 0, not {text[:40]!r}")
    return int(text)


def _refused(error: Exception) -> ResponseReturnValue:
    problem = PROBLEMS[type(error)]
    return jsonify(problem.to_json()), problem.status


for _kind in PROBLEMS:
    blueprint.register_error_handler(_kind, _refused)
