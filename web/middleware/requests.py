"""Requests in forms that Flask does not bear, and answers to conditional ones, put right."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider


class BoundedJSON(DefaultJSONProvider):
    """Flask's JSON; keys keep their order, and a body nested without end is no JSON."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse; raises ValueError for what is none, which Flask answers with 400."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("the JSON is nested too deeply") from error


def keep_to_http(app: Flask) -> None:
    """Answer several ranges with the whole, and a failed precondition without a body (RFC 9110)."""
    app.before_request(_ignore_several_ranges)
    app.after_request(_empty_failed_precondition)


def _ignore_several_ranges() -> None:
    # A server may ignore Range (section 14.2); Werkzeug would answer several with 416.
    if "," in request.headers.get("Range", ""):
        del request.environ["HTTP_RANGE"]


def _empty_failed_precondition(response: Response) -> Response:
    if response.status_code == 412:
        response.close()  # the file that would have been sent
        response.direct_passthrough = False
        response.set_data(b"")
        response.headers.pop("Content-Range", None)
    return response
