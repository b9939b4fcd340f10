"""The files of a folder that are named like photos: paths, sizes and times, nothing opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from catalog.records import FileStamp

EXTENSIONS = frozenset(
    b".jpg .jpeg .jpe .jfif .mpo .png .heic .heif .hif .avif .webp .tif .tiff .gif .bmp"
    b" .jp2 .j2k .ppm .pgm"
    b" .dng .cr2 .cr3 .nef .nrw .arw .raf .orf .rw2 .pef .srw"
    # Pictures that cannot be read yet: passed over in silence, they would be missed unnoticed.
    b" .ico .jxl .jxr .psd .tga .pcx .xcf .exr .hdr .crw .mrw .rwl .sr2 .srf .3fr .iiq .x3f".split()
)

Unlisted = Callable[[bytes, OSError], None]


def is_named_like_a_photo(name: bytes) -> bool:
    """Whether a file has the extension of a photo, and is not hidden."""
    return not name.startswith(b".") and os.path.splitext(name)[1].lower() in EXTENSIONS


def find_photos(
    folder: Path, unlisted: Unlisted = lambda path, error: None, skip: Iterable[Path] = ()
) -> Iterator[FileStamp]:
    """Yield every file below `folder` that is named like a photo; paths relative to it.

    Hidden files and folders are left out, and so are the folders in `skip`. Links are followed,
    but no folder is entered twice. What cannot be looked at goes to `unlisted` (relative path,
    error): nothing is known of it, not even that it is gone.
    """
    top = os.fsencode(folder)
    entered = {_identity(os.fsencode(path)) for path in skip if path.is_dir()}
    folders: list[bytes] = [b""]
    links: list[bytes] = []  # they wait, so that photos get the path without one
    while folders or links:
        path = folders.pop() if folders else links.pop()
        try:
            identity = _identity(os.path.join(top, path))
            entries = [] if identity in entered else _list(os.path.join(top, path))
        except OSError as error:
            unlisted(path, error)
            continue
        entered.add(identity)
        for entry in entries:
            relative = os.path.join(path, entry.name)
            if not _is_folder(entry):
                yield from _photo(entry, relative, unlisted)
            elif entry.is_symlink():
                links.append(relative)
            else:
                folders.append(relative)


def _identity(path: bytes) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _list(path: bytes) -> list[os.DirEntry[bytes]]:
    with os.scandir(path) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(b".")]
    return sorted(shown, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to where we may not look
        return False


def _photo(entry: os.DirEntry[bytes], relative: bytes, unlisted: Unlisted) -> Iterator[FileStamp]:
    if not is_named_like_a_photo(entry.name):
        return
    try:
        found = entry.stat()
    except FileNotFoundError:  # a dangling link, or gone since it was listed
        return
    except OSError as error:
        unlisted(relative, error)
        return
    if stat.S_ISREG(found.st_mode):
        yield FileStamp(relative, found.st_size, found.st_mtime_ns)
