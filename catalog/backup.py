"""Backups of a home in one file: its SQLite database, and the checkpoints that it keeps.

The file is a ZIP archive, stored and not compressed, with a manifest of each member's SHA-256 and
of how many rows there are. Thumbnails and vector files are left out: they are made again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from catalog.checkpoints import is_sound, sha256_in_name
from catalog.database import database_files, known_revisions, sqlite_driver
from catalog.durable_files import is_full, sha256_of, sync
from catalog.home import Home
from catalog.home_marker import Marker, write_marker
from catalog.lock import writer_lock
from catalog.own_files import list_files
from catalog.read_only import is_log_needed

_FORMAT = 1
_MANIFEST, _DATABASE = "backup.json", "catalog.db"
_TABLES = ("photo", "caption", "state", "vector")
_PIECE = 1 << 20
# All that the library raises about an archive of which a byte is wrong.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, KeyError, TypeError,
    ValueError,
)  # fmt: skip
_BUSY_MS = 1000
_HEADER = b"SQLite format 3\0"  # of every database


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds: numbers of photos and of checkpoints, and its size in bytes.

    `aside`: where the catalog that a restored one replaced lies now, None where there was none.
    """

    photos: int
    checkpoints: int
    size: int
    aside: Path | None = None


def back_up(home: Home, target: Path, *, replace: bool = False) -> BackupReport:
    """Write a backup of a home to a file, whole and verified or not at all; safe while indexing.

    Raises BackupError where the file exists (unless `replace`), the database is on a server, or
    it is damaged; OSError where the file cannot be written.
    """
    source = _sqlite_file(home)
    if target.exists() and not (replace and target.is_file()):
        raise BackupError(f"{target} exists: name another file, or replace it with --force")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        copy, archive = Path(folder) / _DATABASE, Path(folder) / "backup.zip"
        counts = _copy_database(source, copy, home.read_only)
        files = {_DATABASE: copy, **_checkpoints(home)}
        _write_archive(archive, files, counts)
        sync(archive)
        with _opened(archive) as (members, manifest):
            _verify_members(members, manifest)
        archive.replace(target)
    sync(target.parent)
    return BackupReport(counts["photo"], len(files) - 1, target.stat().st_size)


def restore(home: Home, source: Path) -> BackupReport:
    """Put a backup's catalog in the place of the home's, which is kept aside under a dated name.

    Everything is verified before anything changes. Raises BackupError where the file is no sound
    backup, is of a later release, or the catalog is in use; WriterBusy where another tellshow
    writes to the home; OSError.
    """
    target = _sqlite_file(home)
    with (
        writer_lock(home),
        _opened(source) as (members, manifest),
        tempfile.TemporaryDirectory(dir=home.path, prefix=".restore.") as folder,
    ):
        unpacked = _unpack(members, manifest, Path(folder))
        database = unpacked.pop(_DATABASE)
        _check_restorable(database, manifest)
        for name, file in unpacked.items():
            _restore_checkpoint(home, name, file)
        aside = _put_aside(target)
        sync(database)
        database.replace(target)
        sync(target.parent)
        write_marker(home.path, Marker("sqlite"))
    return BackupReport(manifest["counts"]["photo"], len(unpacked), source.stat().st_size, aside)


def _sqlite_file(home: Home) -> Path:
    file = home.database_file
    if file is None:
        raise BackupError(
            "the catalog is in a database on a server: back it up with pg_dump and bring it back "
            "with pg_restore; docs/reliability.md says how"
        )
    return file


def _copy_database(source: Path, copy: Path, read_only: bool) -> dict[str, int]:
    """Copy a database as of one moment, check the copy, and count its rows."""
    driver = sqlite_driver()
    mode = "mode=ro" if is_log_needed(source) or not read_only else "mode=ro&immutable=1"
    name = f"{source.absolute().as_uri()}?{mode}"
    try:
        with (
            closing(driver.connect(name, uri=True, isolation_level=None)) as original,
            closing(driver.connect(copy)) as copied,
        ):
            original.execute("BEGIN")  # counted and copied are the same moment's rows
            counts = _count(original)
            original.backup(copied)
            copied.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        if _checked(copy) != counts:
            raise _damaged(source, "the copy has other numbers of rows")
    except (driver.Error, UnicodeDecodeError) as error:  # the latter for a schema that is no text
        if is_full(copy.parent):  # which SQLite may call an I/O error
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC), str(copy.parent.parent)
            ) from error
        raise _damaged(source, str(error)) from error
    return counts


def _count(connection: Any) -> dict[str, int]:
    count = "SELECT count(*) FROM {}"
    return {name: connection.execute(count.format(name)).fetchone()[0] for name in _TABLES}


def _checked(database: Path) -> dict[str, int]:
    """The numbers of rows of a database that SQLite finds nothing wrong with."""
    driver = sqlite_driver()
    with closing(driver.connect(f"{database.absolute().as_uri()}?immutable=1", uri=True)) as opened:
        wrong = [line for (line,) in opened.execute("PRAGMA integrity_check(3)") if line != "ok"]
        if wrong:
            raise _damaged(database, wrong[0])
        return _count(opened)


def _damaged(database: Path, reason: str) -> BackupError:
    reason = " ".join(reason.split()).rstrip(".")
    return BackupError(f"{database.name} is damaged ({reason}); tellshow doctor says more")


def _checkpoints(home: Home) -> dict[str, Path]:
    """The kept checkpoints that are sound, by their names in the archive."""
    kept = [path for path in list_files(home.path, "models").own if sha256_in_name(path)]
    sound = [path for path in kept if is_sound(path, sha256_in_name(path) or "")]
    return {f"models/{path.name}": path for path in sound}


def _write_archive(archive: Path, files: Mapping[str, Path], counts: Mapping[str, int]) -> None:
    manifest = {
        "tellshow": "backup",
        "format": _FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "counts": counts,
        "files": {name: sha256_of(file) for name, file in files.items()},
    }
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, allowZip64=True) as members:
        members.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        for name, file in files.items():
            members.write(file, name)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """A backup and its manifest."""
    try:
        with zipfile.ZipFile(archive) as members:
            manifest = json.loads(members.read(_MANIFEST))
            if not isinstance(manifest, dict) or manifest.get("tellshow") != "backup":
                raise BackupError(f"{archive} is no backup of tellshow")
            if manifest["format"] > _FORMAT:
                raise BackupError(f"{archive} was made by a newer tellshow; restore it with that")
            if _DATABASE not in manifest["files"] or not {*_TABLES} <= {*manifest["counts"]}:
                raise BackupError(f"{archive} is damaged: its manifest is not whole")
            yield members, manifest
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise BackupError(f"{archive} is no backup, or a damaged one: {reason}") from error


def _verify_members(members: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
    for name, sha256 in manifest["files"].items():
        with members.open(name) as member:
            _compare(name, _digest(member), sha256)


def _unpack(members: zipfile.ZipFile, manifest: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """The members as files of a folder, each with the SHA-256 that the manifest says."""
    unpacked = {}
    for number, (name, sha256) in enumerate(manifest["files"].items()):
        path = folder / str(number)  # never a name out of the archive
        with members.open(name) as member, path.open("wb") as file:
            shutil.copyfileobj(member, file, _PIECE)
        _compare(name, sha256_of(path), sha256)
        unpacked[name] = path
    return unpacked


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _compare(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise BackupError(f"the backup is damaged: {name} is not as it was written")


def _check_restorable(database: Path, manifest: Mapping[str, Any]) -> None:
    """Raise BackupError where a database is not what its backup says, or of a later release."""
    driver = sqlite_driver()
    try:
        if _checked(database) != {name: manifest["counts"][name] for name in _TABLES}:
            raise BackupError("the backup is damaged: it does not hold as many rows as it says")
        with closing(driver.connect(database)) as opened:
            found = {key for (key,) in opened.execute("SELECT version_num FROM alembic_version")}
    except (driver.Error, UnicodeDecodeError) as error:  # the latter for a schema that is no text
        raise _damaged(database, str(error)) from error
    if not found <= known_revisions():
        raise BackupError("the backup was made by a newer tellshow; restore it with that")


def _restore_checkpoint(home: Home, name: str, file: Path) -> None:
    """Put a checkpoint back under the name that its bytes have, unless it is there."""
    kept = home.models / Path(name).name
    sha256 = sha256_in_name(kept)
    if sha256 is None or not is_sound(file, sha256):
        raise BackupError(f"the backup is damaged: {name} is not what it is named by")
    if not is_sound(kept, sha256):
        sync(file)
        file.replace(kept)
        sync(kept.parent)


def _put_aside(database: Path) -> Path | None:
    """Rename a database and its log; a log must never come to lie beside another database.

    Raises BackupError where another process has it open.
    """
    _close_log(database)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = database.with_name(f"catalog-before-restore-{stamp}.db")
    moved = False
    for file, other in zip(database_files(database), database_files(aside), strict=True):
        if file.is_file():
            file.rename(other)
            moved = True
    sync(database.parent)
    return aside if moved else None


def _close_log(database: Path) -> None:
    """Write the log into the database, which SQLite does only for who has it alone."""
    driver = sqlite_driver()
    try:
        with database.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                return  # SQLite would drop the log, or make a database of it
    except FileNotFoundError:
        return
    try:
        with closing(driver.connect(database)) as opened:
            opened.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            opened.execute("PRAGMA journal_mode=DELETE").fetchone()
    except driver.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(
                "another tellshow has the catalog open, a server it may be: stop it first"
            ) from error
    except (driver.DatabaseError, UnicodeDecodeError):
        pass  # damaged: it is put aside as it is, with its log
