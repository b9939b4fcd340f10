"""`tellshow roots`: the indexed folders; move one that lies elsewhere now, or forget one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import Failed
from commands.common.loading import NOTHING_INDEXED, open_catalog
from commands.common.options import FILE, home_option, json_option
from commands.common.output import note, print_json
from commands.common.terminal import echo

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from catalog.moved_roots import Moved
    from catalog.roots import KnownRoot

# Of the folders that are known, so many are named where another was asked for.
_NAMED = 10


@click.group(invoke_without_command=True)
@json_option
@home_option
@click.pass_context
def roots(context: click.Context, as_json: bool, home: Path | None) -> None:
    """List the indexed folders, and mend their places."""
    context.obj = home or context.obj
    if context.invoked_subcommand is None:
        _list(home, as_json)


@roots.command(name="list")
@json_option
@home_option
def list_command(as_json: bool, home: Path | None) -> None:
    """List the indexed folders, with their photos and whether they can be reached."""
    _list(home, as_json)


@roots.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@json_option
@home_option
def move(old: Path, new: Path, as_json: bool, home: Path | None) -> None:
    """Let the photos of the indexed folder OLD lie in NEW from now on.

    Their files are yours to move; no photo is looked at anew.
    """
    from catalog.moved_roots import move_root
    from catalog.roots import known_roots

    with _writing(home) as (_, database):
        path, root = _known(database, old)
        there = _place(database, path, new)
        with database.write() as session:
            moved = move_root(session, root, there, known_roots(session).get(there))
    if as_json:
        print_json({"old": _shown(path), "new": _shown(there), **asdict(moved)})
    else:
        _print_move(path, there, moved)


@roots.command()
@click.argument("folder", type=FILE)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
@home_option
def forget(folder: Path, yes: bool, as_json: bool, home: Path | None) -> None:
    """Take the photos of the indexed FOLDER out of the catalog; no file of it is touched."""
    from catalog.moved_roots import photo_count, remove_root

    with _writing(home) as (opened, database):
        path, root = _known(database, folder)
        with database.read() as session:
            photos = photo_count(session, root.root_id)
        if not yes:
            _ask(f"take {_photos(photos)} of {_shown(path)} out of the catalog")
        with database.write() as session:
            hashes = remove_root(session, root.root_id)
        thumbnails = _drop_thumbnails(opened, database, hashes)
    if as_json:
        print_json({"forgotten": _shown(path), "photos": photos, "thumbnails": thumbnails})
    else:
        echo(f"forgot {_shown(path)} with {_photos(photos)}; its files are as they were")


def _list(home: Path | None, as_json: bool) -> None:
    from catalog.roots import is_away, last_indexed, list_roots

    with open_catalog(home, reading=True) as (_, database), database.read() as session:
        found, indexed = list_roots(session), last_indexed(session)
    rows = [(root, not is_away(root.path), indexed.get(root.root_id)) for root in found]
    if as_json:
        print_json(
            {
                "roots": [
                    {
                        "path": _shown(root.path),
                        "photos": root.photos,
                        "reachable": there,
                        "last_indexed": last and last.isoformat(timespec="seconds"),
                    }
                    for root, there, last in rows
                ]
            }
        )
        return
    for root, there, last in rows:
        when = f"last indexed {last:%Y-%m-%d %H:%M} UTC" if last else "never indexed to the end"
        away = "" if there else ", cannot be reached"
        echo(f"{_shown(root.path)}: {_photos(root.photos)}, {when}{away}")
    if any(root.photos and not there for root, there, _ in rows):
        note(
            "where a folder was renamed or mounted elsewhere, run tellshow index on its new place "
            "or tellshow roots move OLD NEW; tellshow roots forget FOLDER lets its photos go"
        )
    if not rows:
        note(NOTHING_INDEXED)


@contextmanager
def _writing(home: Path | None) -> Iterator[tuple[Home, Database]]:
    from catalog.advisory_lock import catalog_lock

    with open_catalog(home) as (opened, database), catalog_lock(opened, database):
        yield opened, database


def _known(database: Database, given: Path) -> tuple[bytes, KnownRoot]:
    """The indexed folder that a person named, by its path or as lists show it."""
    from catalog.roots import known_roots

    with database.read() as session:
        known = known_roots(session)
    path = given.expanduser()
    ways = [os.fsencode(path.resolve()), os.fsencode(os.path.abspath(path)), os.fsencode(path)]
    ways += [root for root in known if _shown(root) == os.path.abspath(path)]
    for way in ways:
        if way in known:
            return way, known[way]
    raise Failed(f"{given} is no indexed folder; {_named(sorted(known))}")


def _named(known: list[bytes]) -> str:
    if not known:
        return "nothing is indexed yet"
    names = ", ".join(_shown(path) for path in known[:_NAMED])
    more = f" and {len(known) - _NAMED} more, see tellshow roots" if len(known) > _NAMED else ""
    return f"these are: {names}{more}"


def _place(database: Database, old: bytes, given: Path) -> bytes:
    """Where a folder shall lie from now on: a folder that is there, apart from all others."""
    from catalog.roots import known_roots

    there = os.fsencode(given.expanduser().resolve())
    if not os.path.isdir(there):
        raise Failed(f"there is no folder {given}; name the one where the photos lie now")
    if there == old:
        raise Failed(f"{_shown(old)} is where these photos lie already")
    with database.read() as session:
        known = known_roots(session)
    for other in (old, *(() if there in known else known)):
        if _overlap(there, other):
            raise Failed(
                f"{_shown(there)} and the indexed folder {_shown(other)} lie in one another; run "
                f"tellshow index on the outer one, which finds photos that moved by their bytes"
            )
    return there


def _overlap(path: bytes, other: bytes) -> bool:
    one, two = os.path.join(path, b""), os.path.join(other, b"")
    return one.startswith(two) or two.startswith(one)


def _print_move(old: bytes, new: bytes, moved: Moved) -> None:
    echo(f"moved {_photos(moved.moved)} from {_shown(old)} to {_shown(new)}")
    if moved.left:
        note(
            f"{_photos(moved.left)} of {_shown(old)} not found in {_shown(new)}: they stay where "
            "they were; tellshow roots forget lets them go"
        )
    if moved.missing:
        note(
            f"{_photos(moved.missing)} not where the catalog has them in {_shown(new)}: run "
            "tellshow index on it"
        )


def _ask(what: str) -> None:
    """Go on only where a person agrees; whoever cannot be asked has to say so before."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"to {what}, say --yes")
    if not click.confirm(f"{what[0].upper()}{what[1:]}?", err=True):
        raise Failed("nothing was changed")


def _drop_thumbnails(home: Home, database: Database, hashes: set[str]) -> int:
    """Remove the thumbnails of bytes that no photo has any more; returns how many."""
    from catalog.photos import content_hashes
    from catalog.thumbnails import thumbnails_of

    with database.read() as session:
        gone = hashes - content_hashes(session)
    return thumbnails_of(home).remove(sorted(gone)) if gone else 0


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _shown(path: bytes) -> str:
    from catalog.paths import show_path

    return show_path(path)
