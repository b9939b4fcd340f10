"""Routes have the marks by which the middleware tells them apart, also once they are wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI

from web import create_app
from web.middleware.route_marks import Mark, marks_of, open_to_all, takes_upload, unqueued

if TYPE_CHECKING:
    from search.engine import SearchEngine

API = "/api/v1"
PHOTO = f"{API}/photos/ID"
# What browsers ask for by themselves, and without a session.
OWN_FILES = {
    "GET /static/ID", "GET /favicon.ico", "GET /manifest.webmanifest", "GET /opensearch.xml",
}  # fmt: skip
SHARED = {"GET /s/ID/ID/thumbnail", "GET /s/ID/ID/large"}
MARKED = {
    Mark.OPEN_TO_ALL: {*OWN_FILES, f"GET {API}/healthz", "GET /s/ID", *SHARED},
    Mark.TAKES_UPLOAD: {f"POST {API}/search", "POST /look"},
    Mark.UNLIMITED: {*OWN_FILES, f"GET {API}/healthz"},
    Mark.IMAGE: {f"GET {PHOTO}/thumbnail", f"GET {PHOTO}/original", *SHARED},
}
# Every view that runs a model waits for a worker of the engine; so does the status, which reads
# much of the database.
QUEUED = {
    "GET /",
    "GET /photos/ID",
    "GET /photos/ID/beside",
    f"GET {API}/search",
    f"GET {API}/status",
    f"GET {API}/complete",
    f"GET {PHOTO}/similar",
    f"GET {PHOTO}/explain",
    f"POST {PHOTO}/rank",
}


def routes(app: Flask) -> dict[str, Mark]:
    """The marks of every route, by method and address."""
    found: dict[str, Mark] = {}
    for rule in app.url_map.iter_rules():
        address = "".join("ID" if dynamic else text for dynamic, text in rule._trace)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            name = f"{method} {address.lstrip('|')}"
            found[name] = marks_of(app.view_functions[rule.endpoint])
    return found


@pytest.mark.parametrize("mark", MARKED, ids=lambda mark: mark.name)
def test_exactly_the_routes_that_need_a_mark_have_it(engine: SearchEngine, mark: Mark) -> None:
    found = routes(create_app(engine))
    assert {name for name, marks in found.items() if mark in marks} == MARKED[mark]


def test_exactly_the_views_that_run_a_model_are_queued(engine: SearchEngine) -> None:
    found = routes(create_app(engine))
    assert {name for name, marks in found.items() if Mark.UNQUEUED not in marks} == QUEUED


def test_marks_add_up_and_survive_the_wrapper_of_the_api() -> None:
    def view() -> str:
        return ""

    app, blueprint = OpenAPI(__name__), APIBlueprint("api", __name__)
    blueprint.get("/marked")(takes_upload(unqueued(view)))
    app.register_api(blueprint)
    wrapped = app.view_functions["api.view"]
    assert wrapped is not view
    assert marks_of(wrapped) == Mark.TAKES_UPLOAD | Mark.UNQUEUED


def test_mark_of_one_view_is_not_that_of_another() -> None:
    def one() -> None: ...

    def other() -> None: ...

    assert marks_of(open_to_all(one)) == Mark.OPEN_TO_ALL
    assert marks_of(other) == Mark(0)
