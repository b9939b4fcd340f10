"""Forms of pages that change something."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import Forbidden


def check_sender() -> None:
    """Refuse a form that does not say which page it comes from; every browser says so.

    That it is a page of this server web.middleware.security has checked before. Raises Forbidden.
    """
    if "Origin" not in request.headers:
        raise Forbidden("a form has to come from a page of this server")
