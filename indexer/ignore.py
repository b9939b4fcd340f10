"""Files that are left out: junk of systems by its folders' names, and what patterns cover.

Patterns have gitignore's syntax. They come by `--exclude`, for the whole of a root, and from files
named .tellshowignore, for the folders that these lie in. Of two that cover a file the later one
counts, `--exclude` after every file and the file of an inner folder after an outer's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

IGNORE_FILE = b".tellshowignore"
# Android's mark of a folder that no gallery shows.
NO_MEDIA = b".nomedia"

# Thumbnails, bins and snapshots, whatever their capitals; hidden folders are left out anyway.
JUNK_FOLDERS = frozenset(
    (
        b"@eadir", b"#recycle", b"#snapshot", b"@recycle", b"@recently-snapshot", b"~snapshot",
        b"$recycle.bin", b"recycler", b"recycled", b"system volume information", b"found.000",
        b"lost+found", b"__macosx", b"network trash folder", b"temporary items",
    )
)  # fmt: skip
# Lightroom's previews.
_JUNK_ENDINGS = (b".lrdata",)
# Of the libraries of photo programs, only what holds the originals.
_LIBRARIES = (b".photoslibrary", b".photolibrary", b".migratedphotolibrary", b".aplibrary")
_ORIGINALS = frozenset((b"originals", b"masters"))


class InvalidPattern(ValueError):
    """A pattern that is none in gitignore's syntax; str() is one sentence."""


@dataclass(frozen=True)
class Patterns:
    """Patterns that hold below a folder; `folder` is relative to the root, "" for the root."""

    folder: bytes
    spec: GitIgnoreSpec

    def verdict(self, path: bytes) -> bool | None:
        """Whether a path (a folder's ends in a slash) is covered; None where nothing says."""
        below = path[len(self.folder) :].lstrip(b"/")
        return self.spec.check_file(os.fsdecode(below)).include


@dataclass(frozen=True)
class IgnoreRules:
    """The rules of one folder, the strongest first."""

    excluded: tuple[Patterns, ...] = ()
    inherited: tuple[Patterns, ...] = ()

    def inside(self, folder: bytes, lines: Iterable[str]) -> IgnoreRules:
        """The rules of a folder that has an ignore file with such lines."""
        own = Patterns(folder, _forgiving(lines))
        return IgnoreRules(self.excluded, (own, *self.inherited))

    def verdict(self, path: bytes) -> bool | None:
        """Whether patterns cover a path, relative to the root; a folder's ends in a slash."""
        for patterns in (*self.excluded, *self.inherited):
            verdict = patterns.verdict(path)
            if verdict is not None:
                return verdict
        return None

    def covers_file(self, path: bytes) -> bool:
        """Whether a file is left out, by a path relative to the root."""
        return self.verdict(path) is True

    def covers_folder(self, path: bytes) -> bool:
        """Whether a folder is left out with all that is in it; a pattern may say otherwise."""
        verdict = self.verdict(path + b"/")
        return is_junk(path) if verdict is None else verdict

    def includes_folder(self, path: bytes) -> bool:
        """Whether a pattern says that a folder is not left out."""
        return self.verdict(path + b"/") is False


NO_RULES = IgnoreRules()


def root_rules(patterns: Iterable[str]) -> IgnoreRules:
    """The rules of a root with such patterns. Raises InvalidPattern."""
    lines = list(patterns)
    for line in lines:
        check_pattern(line)
    return IgnoreRules((Patterns(b"", GitIgnoreSpec.from_lines(lines)),) if lines else ())


def check_pattern(pattern: str) -> None:
    """Raise InvalidPattern for what is no pattern, or covers nothing."""
    try:
        spec = GitIgnoreSpec.from_lines([pattern])
    except ValueError as error:
        raise InvalidPattern(f"{pattern!r} is no pattern in gitignore's syntax.") from error
    if all(made.include is None for made in spec.patterns):
        raise InvalidPattern(f"{pattern!r} is no pattern in gitignore's syntax: it covers nothing.")


def is_junk(path: bytes) -> bool:
    """Whether a folder is known by its name to hold what systems and programs made."""
    outer, name = os.path.split(path.lower())
    if name in JUNK_FOLDERS or name.endswith(_JUNK_ENDINGS):
        return True
    return outer.endswith(_LIBRARIES) and name not in _ORIGINALS


def read_ignore_file(path: bytes) -> list[str]:
    """The lines of an ignore file, in any bytes. Raises OSError."""
    with open(path, "rb") as file:
        return os.fsdecode(file.read().removeprefix(b"\xef\xbb\xbf")).splitlines()


def _forgiving(lines: Iterable[str]) -> GitIgnoreSpec:
    """The patterns among the lines; what is none is passed over, as git does."""
    kept = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        kept.append(line)
    return GitIgnoreSpec.from_lines(kept)
