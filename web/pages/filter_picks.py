"""What the filters offer to pick from: years and folders of the collection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.facets import Facets, YearCount
from catalog.folders import FolderView
from catalog.paths import read_path, show_path
from search.engine import SearchEngine
from web.pages.search_url import SearchUrl


@dataclass(frozen=True)
class Pick:
    """One of a list: its name, how many photos it has, and the address of the search with it.

    A `chosen` one leads to the search without it. `fields`: what it sets, as JSON for the script,
    which takes along whatever else was typed.
    """

    name: str
    photos: int
    link: str
    chosen: bool
    fields: str


@dataclass(frozen=True)
class FolderPick:
    """A folder of the tree; `path`: None where it is no text, so that no address can name it.

    `subfolders`: None where they are not shown yet.
    """

    pick: Pick
    path: str | None
    has_subfolders: bool
    subfolders: list[FolderPick] | None


def year_range(year: int) -> dict[str, str]:
    """The dates between which a year lies, as filters say it."""
    return {"after": f"{year:04}-01-01", "before": f"{year + 1:04}-01-01"}


def year_picks(asked: SearchUrl, years: Sequence[YearCount]) -> list[Pick]:
    """The years in which photos were taken; the last year of all has no end to name."""
    return [
        _pick(asked, str(each.year), each.photos, year_range(each.year))
        for each in years
        if each.year < 9999
    ]


def folder_picks(engine: SearchEngine, asked: SearchUrl, facets: Facets) -> list[FolderPick]:
    """The tree of folders, open down to the one that is asked for.

    Raises DatabaseUnavailable.
    """
    wanted = read_path(asked.value("folder"))
    return [_folder(engine, asked, top, show_path(top.path), wanted) for top in facets.folders]


def _folder(
    engine: SearchEngine, asked: SearchUrl, folder: FolderView, name: str, wanted: bytes
) -> FolderPick:
    text = show_path(folder.path)
    is_text = read_path(text) == folder.path
    subfolders = None
    if folder.has_subfolders and wanted.startswith(os.path.join(folder.path, b"")):
        subfolders = [
            _folder(engine, asked, each, show_path(os.path.basename(each.path)), wanted)
            for each in engine.subfolders(folder.path)
        ]
    pick = _pick(asked, name, folder.photos, {"folder": text if is_text else ""})
    return FolderPick(pick, text if is_text else None, folder.has_subfolders, subfolders)


def _pick(asked: SearchUrl, name: str, photos: int, fields: Mapping[str, str]) -> Pick:
    chosen = all(asked.value(field) == text for field, text in fields.items())
    fields = dict.fromkeys(fields, "") if chosen else dict(fields)
    found = asked.first_page()
    for field, text in fields.items():
        found = found.replaced(field, text)
    return Pick(name, photos, found.query_string, chosen, json.dumps(fields))
