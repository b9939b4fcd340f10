"""The text of HTML pages and of their parts, as a person reads it."""

from __future__ import annotations

import re
from html import unescape


def words_of(html: str) -> str:
    """The text of a page, its white space collapsed."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def section(html: str, name: str) -> str:
    """The markup of the section with this id."""
    part = re.search(rf'<section id="{name}".*?</section>', html, re.S)
    assert part is not None
    return part.group()


def table_rows(html: str) -> list[list[str]]:
    """The cells of the first table's body, as text."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.S)
    assert body is not None
    found = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.S)
    return [[words_of(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", r, re.S)] for r in found]
