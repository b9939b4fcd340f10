"""Which folders without a marker become homes: empty ones, and homes of earlier releases."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from catalog.home_marker import NAME, Marker, NotAHome
from catalog.own_files import FOLDERS, has_own_files, list_files
from catalog.paths import show_path

_TABLES = {"alembic_version", "photo", "root", "model", "state", "vector"}
# What systems put into folders and disks that are otherwise empty.
_OF_THE_SYSTEM = {"lost+found", ".DS_Store", ".Trashes", ".fseventsd", "desktop.ini", "Thumbs.db"}
_MOST_NAMED = 4


def marker_for(folder: Path, database: Path | None) -> Marker | None:
    """The marker that an unmarked folder is to get, whose database is this file or on a server.

    None where it is a home of an earlier release as far as one can tell of a damaged database: it
    is to be opened, and nothing in it removed. Raises NotAHome for any other folder.
    """
    names = _names(folder)
    own = database is not None and database.parent == folder
    if own and database is not None and names & {database.name}:
        is_ours = _is_catalog(database)
        if is_ours:
            return Marker("sqlite")
        if is_ours is None and names >= {*FOLDERS}:
            return None
    if has_own_files(folder):
        # A catalog was here: whoever opens the database finds out that it is lost.
        return Marker("sqlite" if own else "postgresql")
    if not names or _was_never_filled(folder, names, database if own else None):
        return Marker()
    raise NotAHome(_refusal(folder, names))


def is_of_another_program(database: Path) -> bool:
    """Whether a file is a sound SQLite database with tables, and those are not a catalog's."""
    tables = _tables(database, wait=0)
    return bool(tables) and "alembic_version" not in (tables or set())


def is_blank(database: Path) -> bool:
    """Whether there is no SQLite file, or one that holds less than its own header."""
    try:
        return database.stat().st_size < 100
    except OSError:
        return True


def _names(folder: Path) -> set[str]:
    try:
        names = set(os.listdir(folder))
    except FileNotFoundError:
        return set()
    # Of a marker: a damaged one, or what a process that was killed left of one.
    return {name for name in names - _OF_THE_SYSTEM if not name.startswith(NAME)}


def _is_catalog(database: Path) -> bool | None:
    """Whether a file is a tellshow catalog; None for an SQLite file that cannot be read."""
    tables = _tables(database)
    return None if tables is None else tables >= _TABLES


def _tables(database: Path, wait: float = 5) -> set[str] | None:
    """The tables of an SQLite file, none of any other; None for one that cannot be read.

    `wait`: seconds, for who holds it. By the library that the catalog is opened with: where the
    file is open in this process already, whoever else opens and closes it, even to look at its
    first bytes, takes away the locks by which other processes know (sqlite.org/howtocorrupt.html).
    """
    from catalog.database import sqlite_driver  # which imports this module

    if is_blank(database):  # SQLite would drop the log beside it
        return set() if database.exists() else None
    driver = sqlite_driver()
    try:
        name = f"file:{quote(str(database))}?mode=ro"
        connection = driver.connect(name, timeout=wait, uri=True)
    except driver.Error:
        return None
    try:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except UnicodeDecodeError:  # for a schema that is no text
        return None
    except driver.Error as error:
        return set() if "not a database" in str(error) else None
    finally:
        connection.close()
    return {name for (name,) in rows}


def _was_never_filled(folder: Path, names: set[str], database: Path | None) -> bool:
    """Whether an earlier release was killed while it made this home."""
    made = {*FOLDERS, "writer.lock"}
    if database is not None and is_blank(database):
        made |= {database.name + end for end in ("", "-wal", "-shm", "-journal")}
    listings = [list_files(folder, name) for name in FOLDERS]
    untouched = not any(each.misplaced or each.foreign for each in listings)
    return bool(names & {*FOLDERS}) and names <= made and untouched


def _refusal(folder: Path, names: set[str]) -> str:
    shown = [show_path(os.fsencode(name)) for name in sorted(names)[:_MOST_NAMED]]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"The folder {show_path(os.fsencode(folder))} is no home of tellshow and holds other "
        f"things ({', '.join(shown)}{more}): name an empty or a new folder with --home."
    )
