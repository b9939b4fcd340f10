"""The folders of photos as a tree, each with how many photos it holds.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import LargeBinary, case, func, select
from sqlalchemy.orm import Session

from catalog.models import Photo
from catalog.roots import list_roots
from catalog.selection import beginning_with, position_of_slash, rest_of_path, roots_around
from catalog.sql import expect_few_groups


@dataclass(frozen=True)
class FolderView:
    """A folder by its absolute path: photos in it and below it, and whether it has subfolders."""

    path: bytes
    photos: int
    has_subfolders: bool


@dataclass(frozen=True)
class OpenFolder:
    """A folder's own photos and its subfolders by name; `photos` counts those below it too."""

    path: bytes
    photos: int
    own_photos: int
    subfolders: tuple[FolderView, ...]


@dataclass
class _Count:
    """Photos of a subfolder, and how many of them lie deeper than in it itself."""

    photos: int = 0
    deeper: int = 0


@dataclass
class _Counts:
    own: int = 0
    below: dict[bytes, _Count] = field(default_factory=lambda: defaultdict(_Count))


def top_folders(session: Session) -> list[FolderView]:
    """The indexed folders, by path.

    Raises DamagedValue where the row of one is not as it was written.
    """
    return [FolderView(root.path, root.photos, root.photos > 0) for root in list_roots(session)]


def open_folder(session: Session, folder: bytes) -> OpenFolder:
    """A folder with its subfolders; one that holds no photo has none.

    Raises DamagedValue where the row of an indexed folder is not as it was written.
    """
    counts = _Counts()
    for key, prefix in roots_around(session, folder):
        _add(session, counts, key, prefix)
    start = os.path.join(folder, b"")
    for root in list_roots(session):
        if root.path.startswith(start) and root.photos:
            name, _, rest = root.path[len(start) :].partition(b"/")
            counts.below[name].photos += root.photos
            counts.below[name].deeper += root.photos if rest else _deeper(session, root.root_id)
    views = [
        FolderView(start + name, count.photos, count.deeper > 0)
        for name, count in sorted(counts.below.items())
    ]
    total = counts.own + sum(view.photos for view in views)
    return OpenFolder(folder, total, counts.own, tuple(views))


def _deeper(session: Session, root_id: int) -> int:
    """Photos of an indexed folder that lie in subfolders of it."""
    counts = _Counts()
    _add(session, counts, root_id, b"")
    return sum(count.photos for count in counts.below.values())


def _add(session: Session, counts: _Counts, root_id: int, prefix: bytes) -> None:
    """Count the photos of one indexed folder below a path in it, by what comes next in theirs."""
    rest = rest_of_path(prefix)
    slash = position_of_slash(session, rest)
    name = case((slash > 0, func.substr(rest, 1, slash - 1, type_=LargeBinary)))
    deeper = position_of_slash(session, func.substr(rest, slash + 1, type_=LargeBinary)) > 0
    query = select(name, func.count(), func.sum(case((slash == 0, 0), (deeper, 1), else_=0)))
    query = query.where(Photo.root_id == root_id, *beginning_with(prefix)).group_by(name)
    expect_few_groups(session)
    for found, photos, below in session.execute(query):
        if found is None:
            counts.own += photos
        else:
            counts.below[found].photos += photos
            counts.below[found].deeper += below
