"""The web page and the JSON API, as one Flask application.

Knows nothing about the command line; the engine is given, loaded, from outside.
"""

from __future__ import annotations

import logging

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from search.engine import SearchEngine
from web import api, context, formats, pages, reasons
from web.config import TokenRequired, WebConfig, is_loopback, new_token
from web.context import replace_engine
from web.errors import handle_errors
from web.security import protect
from web.turns import take_turns

__all__ = [
    "TokenRequired",
    "WebConfig",
    "create_app",
    "is_loopback",
    "new_token",
    "replace_engine",
]


def create_app(engine: SearchEngine, config: WebConfig | None = None) -> Flask:
    """An application that answers from `engine`; any number of threads may call it."""
    app = Flask(__name__)
    context.bind(app, engine, config or WebConfig())
    app.logger.setLevel(logging.INFO)
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    formats.register(app)
    protect(app)
    handle_errors(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(reasons.blueprint)
    app.register_blueprint(pages.blueprint)
    take_turns(app)  # after the last blueprint
    return app
