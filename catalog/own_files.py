"""The files of a home by their exact names: which are tellshow's own, and so may be removed.

A home may lie among a person's own files. Nothing is removed but regular files of these names, in
folders that are no links, below a folder that carries the marker of a home.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from catalog.home_marker import read_marker

# Paths relative to the home.
_FILE = re.compile(
    r"thumbnails/(?P<shard>[0-9a-f]{2})/(?P=shard)[0-9a-f]{62}\.jpg"
    r"|thumbnails/tmp[a-z0-9_]{8}\.tmp"
    r"|vectors/[0-9]+-(?:caption|visual|image)/(?:gen-[0-9]+\.faiss|next\.tmp|lock)"
    r"|models/(?:shipped-)?[0-9a-f]{64}\.(?:safetensors|tmp)",
    re.ASCII,
)
_FOLDER = re.compile(r"thumbnails/[0-9a-f]{2}|vectors/[0-9]+-(?:caption|visual|image)", re.ASCII)
FOLDERS = ("thumbnails", "vectors", "models")


@dataclass(frozen=True)
class Listing:
    """What lies in a folder of a home.

    `own`: files that tellshow made. `misplaced`: folders where one of them belongs, or the
    reverse. `foreign`: everything else, links among it; folders are named and not entered.
    """

    own: list[Path] = field(default_factory=list)
    misplaced: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def is_own_name(relative: str) -> bool:
    """Whether a path relative to a home, with slashes, is one that tellshow gives a file."""
    return _FILE.fullmatch(relative) is not None


def list_files(home: Path, folder: str, *, deep: bool = True) -> Listing:
    """What lies in "thumbnails", "vectors" or "models" of a home, sorted; links not followed.

    Without `deep` the files of its folders are left out.
    """
    found = Listing()
    _sort_entries(home, folder, found, deep)
    return found


def shards(home: Path) -> list[Path]:
    """The 256 folders of thumbnails, whether or not they are there."""
    return [home / "thumbnails" / f"{number:02x}" for number in range(256)]


def pure_shards(home: Path) -> list[Path]:
    """Those of the folders of thumbnails that hold nothing else, as a walk may skip them."""
    return [folder for folder in shards(home) if all(map(_is_thumbnail, _entries(folder)))]


def is_own_path(home: Path) -> Callable[[bytes], bool]:
    """A test whether an absolute path, resolved, is that of a file that tellshow made."""
    start = os.path.join(os.fsencode(home.resolve()), b"")

    def is_own(path: bytes) -> bool:
        if not path.startswith(start):
            return False
        return is_own_name(Path(os.fsdecode(path[len(start) :])).as_posix())

    return is_own


def has_own_files(home: Path) -> bool:
    """Whether there is any file that tellshow made beside the database."""
    return any(list_files(home, folder).own for folder in FOLDERS)


def remove_own(home: Path, paths: Iterable[Path]) -> list[Path]:
    """Remove files that tellshow made, and return them; whatever else is named stays.

    Folders of vectors that are empty then go too. Nothing is removed below a folder without the
    marker. Raises OSError, and NotAHome as `read_marker`.
    """
    if read_marker(home) is None:
        return []
    removed = [path for path in paths if _is_own(home, path)]
    for path in removed:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in removed if path.parent.parent == home / "vectors"}:
        with suppress(OSError):  # something is in it
            folder.rmdir()
    return removed


def move_aside(home: Path, paths: Iterable[Path]) -> list[Path]:
    """Rename files that lie where a folder of ours belongs, and return what they were called.

    They may be a person's, so that nothing of them is lost: `thumbnails/ab` becomes
    `thumbnails/ab-moved-aside`. Only regular files, below a folder with the marker and through no
    link. Raises OSError, and NotAHome as `read_marker`.
    """
    if read_marker(home) is None:
        return []
    moved = [path for path in paths if _is_in_place_of_folder(home, path)]
    for path in moved:
        path.rename(_free_name(path))
    return moved


def _free_name(path: Path) -> Path:
    aside = path.with_name(f"{path.name}-moved-aside")
    numbered = (aside.with_name(f"{aside.name}-{number}") for number in count(2))
    return next(name for name in chain([aside], numbered) if not os.path.lexists(name))


def _is_in_place_of_folder(home: Path, path: Path) -> bool:
    try:
        is_inner = _FOLDER.fullmatch(path.relative_to(home).as_posix()) is not None
        return (
            is_inner
            and stat.S_ISDIR(path.parent.lstat().st_mode)
            and stat.S_ISREG(path.lstat().st_mode)
        )
    except (OSError, ValueError):
        return False


def _is_own(home: Path, path: Path) -> bool:
    """Whether a path is that of a regular file of ours, and leads through no link."""
    try:
        relative = path.relative_to(home)
    except ValueError:
        return False
    if not is_own_name(relative.as_posix()):
        return False
    try:
        above = [home / parent for parent in relative.parents if parent.parts]
        return all(stat.S_ISDIR(folder.lstat().st_mode) for folder in above) and stat.S_ISREG(
            path.lstat().st_mode
        )
    except OSError:
        return False


def _is_thumbnail(entry: os.DirEntry[str]) -> bool:
    return is_own_name(f"thumbnails/{entry.name[:2]}/{entry.name}")


def _sort_entries(home: Path, folder: str, found: Listing, deep: bool) -> None:
    for entry in _entries(home / folder):
        relative, path = f"{folder}/{entry.name}", Path(entry.path)
        file, inner = is_own_name(relative), _FOLDER.fullmatch(relative) is not None
        if entry.is_symlink() or not (file or inner):
            found.foreign.append(path)
        elif inner and entry.is_dir(follow_symlinks=False):
            if deep:
                _sort_entries(home, relative, found, deep)
        elif file and entry.is_file(follow_symlinks=False):
            found.own.append(path)
        else:
            found.misplaced.append(path)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What a real folder holds, sorted; nothing where there is none, or a link to one."""
    if folder.is_symlink() or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)
