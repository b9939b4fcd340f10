"""The pages to look through photos without a query: by month, by folder, by tag and keyword."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from catalog.folders import FolderView, OpenFolder, open_folder, top_folders
from catalog.label_counts import (
    LabelCount,
    count_keywords,
    count_tags,
    frequent_keywords,
    frequent_tags,
)
from catalog.paths import read_path, show_path
from catalog.timeline import UNDATED, MonthCount, count_by_month, photos_of_month
from catalog.views import PhotoView
from search.engine import SearchEngine
from web.browsing import PAGE, MonthParameters, large_url, read_month, thumbnail_url, with_query
from web.context import current_engine
from web.middleware.route_marks import unqueued
from web.pages.cards import file_name

# Of tags, and of keywords, on the page of both.
_LABELS = 24
_MOST_PAGES = 10**6

blueprint = Blueprint("browse", __name__, url_prefix="/browse")


@dataclass(frozen=True)
class Tile:
    """A photo of a month, at a place from 1; `large`: where it is as large as browsers draw it."""

    photo: PhotoView
    name: str
    place: int
    thumbnail: str
    large: str


@dataclass(frozen=True)
class MonthRow:
    """A month in words, how many photos it has, and the address of the page that opens it."""

    month: str
    title: str
    photos: int
    link: str


@dataclass(frozen=True)
class FolderRow:
    """A folder in words; `path`: that of an address, None where it is no text."""

    name: str
    path: str | None
    photos: int
    has_subfolders: bool


@dataclass(frozen=True)
class LabelRow:
    """A tag or keyword, how many photos have it, and the thumbnail of one, if that is there."""

    name: str
    photos: int
    link: str
    thumbnail: str | None


@blueprint.get("")
@unqueued
def show() -> ResponseReturnValue:
    """The photos of a month, among all months that there are."""
    asked, engine = read_month(request), current_engine()
    chosen = asked.selection()
    with engine.database.read() as session:
        months = count_by_month(session, chosen)
        month = asked.month or (months[0].month if months else "")
        found = photos_of_month(session, month, PAGE + 1, asked.offset, chosen) if month else []
    return render_template(
        "browse.html",
        asked=asked,
        months=[month_row(each, asked) for each in months],
        photos=sum(each.photos for each in months),
        month=month,
        tiles=_tiles(engine, found[:PAGE], asked.offset),
        previous=_page_of(asked, month, max(asked.offset - PAGE, 0)) if asked.offset else None,
        next=_page_of(asked, month, asked.offset + PAGE) if len(found) > PAGE else None,
        page=PAGE,
        photos_url=with_query(url_for("browse_api.timeline_photos"), asked.fields()),
        wider=_without_subfolders(asked, not asked.subfolders) if asked.folder else None,
    )


@blueprint.get("/folders")
@unqueued
def folders() -> ResponseReturnValue:
    """The indexed folders as a tree, open down to the one that is named."""
    path = request.args.get("path", "")
    with current_engine().database.read() as session:
        tops = top_folders(session)
        opened = _opened_down_to(session, path, tops)
    branches = {folder.path: folder for folder in opened}
    return render_template(
        "browse_folders.html",
        tops=[_folder_row(view, show_path(view.path)) for view in tops],
        branches={show_path(path): _branch(folder) for path, folder in branches.items()},
    )


@blueprint.get("/tags")
@unqueued
def tags() -> ResponseReturnValue:
    """The keywords and tags that most photos have; with `of`, all of one kind, page by page."""
    kind, page = request.args.get("of", ""), _page_number()
    if kind not in {"", "tag", "keyword"}:
        abort(404)
    count, offset = (PAGE, PAGE * (page - 1)) if kind else (_LABELS, 0)
    with current_engine().database.read() as session:
        totals = {"keyword": count_keywords(session), "tag": count_tags(session)}
        found = {"keyword": frequent_keywords, "tag": frequent_tags}
        rows = {
            name: _label_rows(name, labels(session, count, offset))
            for name, labels in found.items()
            if kind in {"", name}
        }
    if page > 1 and not rows[kind]:
        abort(404)
    more = bool(kind) and offset + count < totals[kind]
    return render_template(
        "browse_tags.html", kind=kind, totals=totals, rows=rows, page=page, more=more
    )


def month_row(counted: MonthCount, asked: MonthParameters) -> MonthRow:
    """A month in words, with the address that opens it among the photos that are chosen."""
    link = _page_of(asked, counted.month, 0)
    return MonthRow(counted.month, month_title(counted.month), counted.photos, link)


def month_title(month: str) -> str:
    """July 2019, of 2019-07."""
    if month == UNDATED:
        return "Without a date"
    year, number = month.split("-")
    return f"{date(2000, int(number), 1):%B} {year}"


def _page_of(asked: MonthParameters, month: str, offset: int) -> str:
    fields = {**asked.fields(), "month": month}
    return with_query(url_for(".show"), {**fields, "offset": str(offset)} if offset else fields)


def _without_subfolders(asked: MonthParameters, deep: bool) -> str:
    fields = {**asked.fields(), "subfolders": "0"}
    if deep:
        del fields["subfolders"]
    return with_query(url_for(".show"), fields)


def _tiles(engine: SearchEngine, ids: Sequence[int], offset: int) -> list[Tile]:
    views = engine.photos(ids)
    return [
        Tile(view, file_name(view), place, thumbnail_url(view), large_url(view))
        for place, view in (
            (place, views[key]) for place, key in enumerate(ids, start=offset + 1) if key in views
        )
    ]


def _opened_down_to(session: Session, path: str, tops: Sequence[FolderView]) -> list[OpenFolder]:
    """The folder of a path and those around it, from the indexed one down, while they are there.

    Without a path, the indexed folder where there is but one.
    """
    if not path and len(tops) == 1:
        return [open_folder(session, tops[0].path)]
    wanted = os.fsencode(os.path.normpath(path)) if path and "\0" not in path else b""
    inside = os.path.join(wanted, b"")
    around = (top.path for top in tops if inside.startswith(os.path.join(top.path, b"")))
    folder = next(around, None)
    if folder is None:
        return []
    opened = [open_folder(session, folder)]
    for name in wanted[len(folder) :].strip(b"/").split(b"/"):
        folder = os.path.join(folder, name)
        if not name or not opened[-1].subfolders:
            break
        opened.append(open_folder(session, folder))
    return opened


def _branch(folder: OpenFolder) -> list[FolderRow]:
    return [_folder_row(view, show_path(os.path.basename(view.path))) for view in folder.subfolders]


def _folder_row(view: FolderView, name: str) -> FolderRow:
    text = show_path(view.path)
    path = text if read_path(text) == view.path else None
    return FolderRow(name, path, view.photos, view.has_subfolders)


def _label_rows(kind: str, labels: Sequence[LabelCount]) -> list[LabelRow]:
    samples = current_engine().photos([label.sample for label in labels])
    return [
        LabelRow(
            label.name,
            label.photos,
            with_query(url_for(".show"), {kind: label.name}),
            thumbnail_url(samples[label.sample]) if label.sample in samples else None,
        )
        for label in labels
    ]


def _page_number() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:8]) <= _MOST_PAGES:
        abort(404)
    return int(text[:8])
