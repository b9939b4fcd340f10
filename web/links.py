"""Where the pages of a list of the API are: the address that was asked for, with another offset.

Knows nothing about what the lists hold.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request


def neighbours(offset: int, k: int, more: bool) -> dict[str, str | None]:
    """The pages before and after the one from `offset` on; None where there is none."""
    return {
        "next": _page(offset + k) if more else None,
        "previous": _page(max(0, offset - k)) if offset else None,
    }


def _page(offset: int) -> str:
    asked = [(k, v) for k, v in request.args.items(multi=True) if k not in {"offset", "token"}]
    return f"{request.path}?{urlencode([*asked, ('offset', offset)])}"
