"""The web page and the JSON API as one Flask application; the engine is given, loaded.

What brings in Flask and the models is imported where it is first asked for, so that a server
listens before.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from web.config import (
    InvalidBasePath,
    InvalidOrigin,
    InvalidProxy,
    InvalidToken,
    TokenRequired,
    WebConfig,
    is_loopback,
    new_token,
)

if TYPE_CHECKING:
    from web.app import create_app
    from web.context import replace_engine
    from web.indexing.state import indexing_of

__all__ = [
    "InvalidBasePath",
    "InvalidOrigin",
    "InvalidProxy",
    "InvalidToken",
    "TokenRequired",
    "WebConfig",
    "create_app",
    "indexing_of",
    "is_loopback",
    "new_token",
    "replace_engine",
]

_ON_DEMAND = {
    "create_app": "web.app",
    "indexing_of": "web.indexing.state",
    "replace_engine": "web.context",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ON_DEMAND[name]), name)
