"""The files of a folder that are named like photos: paths, sizes and times, nothing opened."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.records import FileStamp
from indexer.ignore import IGNORE_FILE, NO_MEDIA, NO_RULES, IgnoreRules, read_ignore_file
from indexer.xmp import is_named_like_a_sidecar, sidecar_names

EXTENSIONS = frozenset(
    b".jpg .jpeg .jpe .jfif .mpo .png .heic .heif .hif .avif .webp .tif .tiff .gif .bmp"
    b" .jp2 .j2k .ppm .pgm"
    b" .dng .cr2 .cr3 .nef .nrw .arw .raf .orf .rw2 .pef .srw"
    # Pictures that cannot be read yet: passed over in silence, they would be missed unnoticed.
    b" .ico .jxl .jxr .psd .tga .pcx .xcf .exr .hdr .crw .mrw .rwl .sr2 .srf .3fr .iiq .x3f".split()
)

Unlisted = Callable[[bytes, OSError], None]
Ignored = Callable[[bytes], None]


def is_named_like_a_photo(name: bytes) -> bool:
    """Whether a file has the extension of a photo, and is not hidden."""
    return not name.startswith(b".") and os.path.splitext(name)[1].lower() in EXTENSIONS


def find_photos(
    folder: Path,
    unlisted: Unlisted = lambda path, error: None,
    skip: Iterable[Path] = (),
    rules: IgnoreRules = NO_RULES,
    ignored: Ignored = lambda path: None,
) -> Iterator[FileStamp]:
    """Yield every file below `folder` that is named like a photo; paths relative to it.

    Hidden files and folders are left out, and so are the folders in `skip` and what the rules
    cover, which goes to `ignored` (relative path of a photo or a folder). Links are followed, but
    no folder is entered twice. What cannot be looked at goes to `unlisted` (relative path, error):
    nothing is known of it, not even that it is gone.
    """
    top = os.fsencode(folder)
    entered = {_identity(os.fsencode(path)) for path in skip if path.is_dir()}
    folders = [(b"", rules)]
    links: list[tuple[bytes, IgnoreRules]] = []  # they wait: photos get the path without one
    while folders or links:
        path, rules = folders.pop() if folders else links.pop()
        try:
            identity = _identity(os.path.join(top, path))
            listing = _Listing() if identity in entered else _list(os.path.join(top, path))
            inner = _inner_rules(top, path, rules, listing)
        except OSError as error:
            unlisted(path, error)
            continue
        if path and listing.has_no_media and not rules.includes_folder(path):
            ignored(path)
            continue
        entered.add(identity)
        for entry in listing.entries:
            relative = os.path.join(path, entry.name)
            if not _is_folder(entry):
                yield from _photo(entry, relative, listing.sidecars, inner, unlisted, ignored)
            elif inner.covers_folder(relative):
                ignored(relative)
            else:
                (links if entry.is_symlink() else folders).append((relative, inner))


def _identity(path: bytes) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


@dataclass(frozen=True)
class _Listing:
    """What is in a folder, by name, but for what is hidden."""

    entries: Sequence[os.DirEntry[bytes]] = ()
    sidecars: Mapping[bytes, os.DirEntry[bytes]] = field(default_factory=dict)
    has_ignore_file: bool = False
    has_no_media: bool = False


def _list(path: bytes) -> _Listing:
    with os.scandir(path) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    names = {entry.name for entry in entries}
    shown = [entry for entry in entries if not entry.name.startswith(b".")]
    sidecars = {entry.name: entry for entry in shown if is_named_like_a_sidecar(entry.name)}
    return _Listing(shown, sidecars, IGNORE_FILE in names, NO_MEDIA in names)


def _inner_rules(top: bytes, path: bytes, rules: IgnoreRules, listing: _Listing) -> IgnoreRules:
    if not listing.has_ignore_file:
        return rules
    return rules.inside(path, read_ignore_file(os.path.join(top, path, IGNORE_FILE)))


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to where we may not look
        return False


def _photo(
    entry: os.DirEntry[bytes],
    relative: bytes,
    sidecars: Mapping[bytes, os.DirEntry[bytes]],
    rules: IgnoreRules,
    unlisted: Unlisted,
    ignored: Ignored,
) -> Iterator[FileStamp]:
    if not is_named_like_a_photo(entry.name):
        return
    if rules.covers_file(relative):
        ignored(relative)
        return
    try:
        found = entry.stat()
    except FileNotFoundError:  # a dangling link, or gone since it was listed
        return
    except OSError as error:
        unlisted(relative, error)
        return
    if stat.S_ISREG(found.st_mode):
        stamp = _sidecar_stamp(entry.name, sidecars)
        yield FileStamp(relative, found.st_size, found.st_mtime_ns, stamp)


def _sidecar_stamp(name: bytes, sidecars: Mapping[bytes, os.DirEntry[bytes]]) -> str:
    """A stamp that changes with names, sizes and times of a photo's sidecars; "" for none."""
    found = []
    for sidecar in sidecar_names(name) if sidecars else ():
        with contextlib.suppress(OSError, KeyError):
            status = sidecars[sidecar].stat()
            found.append((sidecar, status.st_size, status.st_mtime_ns))
    return hashlib.blake2b(repr(found).encode(), digest_size=8).hexdigest() if found else ""
