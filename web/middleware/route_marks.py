"""Marks on views, by which the middleware tells routes apart.

A mark stands directly above the view, below the decorator that routes it:

    @blueprint.post("/look")
    @takes_upload
    @unqueued
    def upload(): ...

It is an attribute of the function; whoever wraps a view with functools.wraps, as flask-openapi3
does, hands it on.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag, auto
from typing import Any, TypeVar

from flask import Flask, current_app, request

_View = TypeVar("_View", bound=Callable[..., Any])
_ATTRIBUTE = "tellshow_route_marks"


class Mark(Flag):
    """What is special about a route; without a mark, the strict rule holds.

    `OPEN_TO_ALL`: no token is asked for. `TAKES_UPLOAD`: a request may carry a picture beside
    the usual body. `UNQUEUED`: the view does not wait for one of the engine's workers, because
    it runs no model. `UNLIMITED`: requests do not count against the client's rate limit.
    `IMAGE`: they count against the wider one of images.
    """

    OPEN_TO_ALL = auto()
    TAKES_UPLOAD = auto()
    UNQUEUED = auto()
    UNLIMITED = auto()
    IMAGE = auto()


def open_to_all(view: _View) -> _View:
    """Mark a view that answers without a token."""
    return _marked(view, Mark.OPEN_TO_ALL)


def takes_upload(view: _View) -> _View:
    """Mark a view whose requests may carry a picture."""
    return _marked(view, Mark.TAKES_UPLOAD)


def unqueued(view: _View) -> _View:
    """Mark a view that runs no model, or that limits by itself how often it does at once."""
    return _marked(view, Mark.UNQUEUED)


def unlimited(view: _View) -> _View:
    """Mark a view that pages ask for many times at once, and that costs next to nothing."""
    return _marked(view, Mark.UNLIMITED)


def serves_image(view: _View) -> _View:
    """Mark a view that pages ask for dozens of times at once, and that costs a file's reading."""
    return _marked(view, Mark.IMAGE)


def marks_of(view: Callable[..., Any]) -> Mark:
    """All marks of a view, wrapped or not."""
    marks = getattr(view, _ATTRIBUTE, Mark(0))
    return marks if isinstance(marks, Mark) else Mark(0)


def request_has(mark: Mark) -> bool:
    """Whether the route of the current request has a mark; False where no route matches."""
    view = current_app.view_functions.get(request.endpoint or "")
    return view is not None and mark in marks_of(view)


def mark_static_files(app: Flask) -> None:
    """Give Flask's own route of style sheets and scripts its marks."""
    static = app.view_functions["static"]
    app.view_functions["static"] = open_to_all(unqueued(unlimited(static)))


def _marked(view: _View, mark: Mark) -> _View:
    setattr(view, _ATTRIBUTE, marks_of(view) | mark)
    return view
