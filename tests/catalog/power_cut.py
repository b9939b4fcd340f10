"""What a power cut may leave of a folder, worked out from the calls that a program makes.

By the rules of POSIX, and no kinder: a file's bytes are sure to be there after an fsync of the file
only, and a name that came or went is so after an fsync of the folder only. What is not sure may
have reached the disk or not, each for itself; of a file its first half, with or without its length.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

State = tuple[tuple[str, bytes], ...]  # the files of a folder by name


class Disk:
    """Follows a folder from now on; `moments`: what was called, and what a cut just then leaves."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, ignored: str = "lock") -> None:
        self._folder = folder
        self._ignored = ignored
        self._names = self._live()  # sure to be there
        self._bytes = {number: self._read(number) for number in self._names.values()}
        self.moments: list[tuple[str, frozenset[State]]] = []
        for name in ("fsync", "replace", "rename", "unlink"):
            patch.setattr(os, name, self._followed(name, getattr(os, name)))

    def note(self, what: str) -> None:
        """Something happens just now; a cut may come right before it."""
        self.moments.append((what, frozenset(self._states())))

    def _followed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def followed(target: Any, *more: Any, **options: Any) -> Any:
            path = Path(os.readlink(f"/proc/self/fd/{target}") if name == "fsync" else target)
            if self._folder in (path, path.parent) and path.name != self._ignored:
                self.note(f"{name} {path.name}")
            done = call(target, *more, **options)
            if name == "fsync":
                self._made_sure(path)
            return done

        return followed

    def _made_sure(self, path: Path) -> None:
        if path == self._folder:
            self._names = self._live()
        elif path.parent == self._folder:
            self._bytes[path.stat().st_ino] = path.read_bytes()

    def _live(self) -> dict[str, int]:
        if not self._folder.is_dir():
            return {}
        return {
            path.name: path.stat().st_ino
            for path in self._folder.iterdir()
            if path.name != self._ignored
        }

    def _read(self, number: int) -> bytes:
        [path] = [self._folder / name for name, own in self._live().items() if own == number]
        return path.read_bytes()

    def _states(self) -> Iterator[State]:
        live = self._live()
        names = sorted(live.keys() | self._names.keys())
        for chosen in itertools.product(*({live.get(key), self._names.get(key)} for key in names)):
            there = {key: own for key, own in zip(names, chosen, strict=True) if own is not None}
            for contents in itertools.product(*(self._contents(own) for own in there.values())):
                yield tuple(zip(there, contents, strict=True))

    def _contents(self, number: int) -> set[bytes]:
        sure = self._bytes.get(number, b"")
        if number not in self._live().values():  # its name is gone; its bytes are as they were
            return {sure}
        now = self._read(number)
        half = now[: len(now) // 2]
        return {sure} if sure == now else {sure, half, half.ljust(len(now), b"\0"), now}
