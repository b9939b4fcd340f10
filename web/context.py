"""The search engine and the configuration of the running application, for request handlers."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from search.engine import SearchEngine
from web.config import WebConfig

_ENGINE = "tellshow_engine"
_CONFIG = "tellshow_config"


def bind(app: Flask, engine: SearchEngine, config: WebConfig) -> None:
    """Make `engine` and `config` available to the handlers of `app`."""
    app.extensions[_ENGINE] = engine
    app.extensions[_CONFIG] = config


def replace_engine(app: Flask, engine: SearchEngine) -> None:
    """Let `app` answer from another engine; requests that have begun end with the one they have."""
    app.extensions[_ENGINE] = engine


def current_engine() -> SearchEngine:
    """The search engine of the app that handles this request."""
    return engine_of(current_app)


def engine_of(app: Flask) -> SearchEngine:
    """The search engine that `app` answers from now."""
    return cast(SearchEngine, app.extensions[_ENGINE])


def current_config() -> WebConfig:
    """The settings of the app that handles this request."""
    return cast(WebConfig, current_app.extensions[_CONFIG])
