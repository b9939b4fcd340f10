"""The patterns of a folder that was renamed, or mounted elsewhere, since they were remembered.

They have to hold before its files are looked for, or photos that were left out would be indexed.
"""

from __future__ import annotations

import os
from hashlib import file_digest

from sqlalchemy.orm import Session

from catalog.moved_roots import size_of
from catalog.photos import sample_files
from catalog.roots import is_away, known_roots

# Of a folder that is away so many photos are looked for in another one; one in _PART is enough.
_SAMPLE = 20
_PART = 4


def former_patterns(session: Session, root_id: int, folder: bytes) -> tuple[str, ...]:
    """The patterns of the root that a new one at an absolute path was before; none if it was none.

    It was a folder that is away now, a good part of whose photos lie at the same relative paths
    here, by their sizes, and the first of them by its content.
    """
    if sample_files(session, root_id, 1):
        return ()  # it is not new, and goes by its own
    for path, root in known_roots(session).items():
        if root.excluded and is_away(path):
            files = sample_files(session, root.root_id, _SAMPLE)
            here = [(os.path.join(folder, name), size, digest) for name, size, digest in files]
            found = [(file, digest) for file, size, digest in here if size_of(file) == size]
            if found and _PART * len(found) >= len(files):
                file, digest = found[0]
                if _content_hash(file) == digest:
                    return root.excluded
    return ()


def _content_hash(path: bytes) -> str | None:
    try:
        with open(path, "rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
