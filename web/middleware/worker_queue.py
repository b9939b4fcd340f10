"""The queue in front of the models: a view that may run one waits for a worker of the engine.

The server has many threads, so that a thumbnail never waits behind searches; the workers, see
search.thread_pool, are few. Views that run no model are marked `unqueued`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial, wraps
from typing import Any

from flask import Flask

from web.context import current_engine
from web.middleware.route_marks import Mark, marks_of


def queue_views(app: Flask) -> None:
    """Queue the views that `app` has so far, but for those marked `unqueued`."""
    for endpoint, view in app.view_functions.items():
        if Mark.UNQUEUED not in marks_of(view):
            app.view_functions[endpoint] = _queued(view)


def _queued(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def run_by_worker(**values: object) -> Any:
        # The worker sees the same request, application and g as this thread.
        context = copy_context()
        return current_engine().workers.run(partial(context.run, view, **values))

    return run_by_worker
