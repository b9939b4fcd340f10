"""Which requests wait for their turn: all that may have to think.

Threads that answer requests are many, so that a thumbnail never waits behind searches; threads
that think are few, see search.thread_pool. Knows nothing of what a view does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial, wraps
from typing import Any

from flask import Flask

from web.context import current_engine

# Endpoints that only read rows or a file, follow an index run, or say what there is.
_LIGHT = frozenset(
    {
        "static",
        "api.thumbnail",
        "api.original",
        "api.photo",
        "api.healthz",
        "collection_api.runs",
        "collection_api.failures",
        "collection_api.index",
        "collection_api.start_index",
        "collection_api.stop_index",
        "collection_api.events",
        "collection.show",
        "collection.failures",
        "collection.start",
        "collection.stop",
        "look.ask",
        "reference.description",
        "reference.page",
        # Pictures that are sent take turns of their own, see web.upload.
        "api.search_by_picture",
        "look.show_like",
    }
)


def take_turns(app: Flask) -> None:
    """Let the views that are registered with `app` wait for one of the engine's workers."""
    for endpoint, view in app.view_functions.items():
        if endpoint not in _LIGHT:
            app.view_functions[endpoint] = _in_turn(view)


def _in_turn(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def wait_and_view(**values: object) -> Any:
        # The worker sees the same request, application and g as this thread.
        here = copy_context()
        return current_engine().workers.run(partial(here.run, view, **values))

    return wait_and_view
