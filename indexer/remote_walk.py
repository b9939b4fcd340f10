"""The files of a folder in S3 that are named like photos; see indexer.walk for those of a disk.

Sidecars and .tellshowignore files are not read there. An object's ETag, which names its bytes, is
in the stamp where sidecars are on a disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from catalog.object_store import ObjectInfo, StoreUnavailable
from catalog.records import FileStamp
from catalog.remote_folders import list_objects, modified_ns
from indexer.ignore import NO_RULES, IgnoreRules
from indexer.walk import Ignored, Unlisted, is_named_like_a_photo


def find_remote_photos(
    folder: Path,
    unlisted: Unlisted = lambda path, error: None,
    rules: IgnoreRules = NO_RULES,
    ignored: Ignored = lambda path: None,
) -> Iterator[FileStamp]:
    """Yield every object below `folder` that is named like a photo; paths relative to it.

    Hidden files and folders are left out, and so is what the rules cover, which goes to `ignored`.
    Where the listing breaks off, the whole folder goes to `unlisted`.
    """
    try:
        for path, found in list_objects(folder):
            if any(part.startswith(b".") for part in path.split(b"/")):
                continue
            if not is_named_like_a_photo(os.path.basename(path)):
                continue
            covered = _covered(path, rules)
            if covered is None:
                yield stamp_of(path, found)
            else:
                ignored(covered)
    except StoreUnavailable as error:
        unlisted(b"", error)


def stamp_of(path: bytes, found: ObjectInfo) -> FileStamp:
    """The stamp of an object at a relative path."""
    etag = (found.etag or "").encode()
    digest = hashlib.blake2b(etag, digest_size=8).hexdigest()
    return FileStamp(path, found.size, modified_ns(found), digest)


def _covered(path: bytes, rules: IgnoreRules) -> bytes | None:
    """The outermost folder of a path that the rules cover, or the path itself; None for neither."""
    parts = path.split(b"/")
    for depth in range(1, len(parts)):
        folder = b"/".join(parts[:depth])
        if rules.covers_folder(folder):
            return folder
    return path if rules.covers_file(path) else None
