"""Which of our files one query and one index run pass through, in order, and how often.

    python -m benchmarks.walk
    python -m benchmarks.walk --json

The sample photos are indexed into a temporary home by the shipped captioner. Then one
`GET /api/v1/search` and one index run of one more photo are traced by `sys.setprofile`.

What is counted:

- Our files are those of the packages that are installed, without benchmarks and tests.
- A call counts where it leads into another of our files: from the innermost frame of ours on the
  same thread, or from outside (Flask, a thread pool) where there is none. Comprehensions,
  generators that are resumed and what a dataclass generates do not count.
- A place in the code that calls again and again, as for each of many results, counts once.
- A move is one such call, or several one directly after the other between the same two files, as
  where Flask calls all the checks of a file in turn.
- A return is a move into a file that was entered before; a file is re-entered once for each.
- Everything was done once before, so that imports and first loads do not count. Decoding runs in a
  process of its own and is not seen.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.engine import SearchEngine

ROOT = Path(__file__).resolve().parents[1]
OURS = ("captioner", "catalog", "commands", "indexer", "search", "web", "tellshow.py")
OUTSIDE = "outside"
_QUERY = "/api/v1/search?q=a+cat+on+a+table"
_INLINE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


@dataclass(frozen=True)
class Move:
    """Calls of functions of `target` from `source`, one directly after the other.

    Files are relative to the project's folder; `source` may be OUTSIDE.
    """

    source: str
    target: str
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Walk:
    """All moves between files, in the order in which they began."""

    moves: tuple[Move, ...]

    @property
    def entries(self) -> Counter[str]:
        """How often each file is entered, in the order in which it first was."""
        return Counter(move.target for move in self.moves)

    @property
    def returns(self) -> int:
        """Moves into files that were entered before."""
        return len(self.moves) - len(self.entries)

    def to_json(self) -> dict[str, object]:
        """Figures, entries by file, and every move."""
        return {
            "files": len(self.entries),
            "moves": len(self.moves),
            "returns": self.returns,
            "entries": self.entries,
            "walk": [[move.source, move.target, list(move.functions)] for move in self.moves],
        }


class Tracer:
    """Notes the calls between files of ours; its `notice` is a function for `sys.setprofile`.

    `root` is the folder of the files, `ours` the names in it that count: folders or files.
    """

    def __init__(self, root: Path = ROOT, ours: Sequence[str] = OURS) -> None:
        self._root, self._ours = root, frozenset(ours)
        self._names: dict[CodeType, str | None] = {}
        self._passed: set[tuple[CodeType | None, int, CodeType]] = set()
        self._calls: list[tuple[int, str, str, str]] = []  # thread, source, target, function

    def notice(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call, where it leads from one file to another."""
        if event != "call" or not _begins(frame):
            return
        target = self._name(frame.f_code)
        if target is None:
            return
        caller = self._caller(frame.f_back)
        place = (caller.f_code, caller.f_lasti) if caller else (None, 0)
        if (*place, frame.f_code) in self._passed:
            return
        self._passed.add((*place, frame.f_code))
        source = (self._name(caller.f_code) if caller else None) or OUTSIDE
        if source != target:
            call = (threading.get_ident(), source, target, frame.f_code.co_qualname)
            self._calls.append(call)

    def walk(self) -> Walk:
        """What was noted."""
        groups = groupby(self._calls, key=lambda call: call[:3])
        moves = (
            Move(source, target, tuple(dict.fromkeys(call[3] for call in calls)))
            for (_, source, target), calls in groups
        )
        return Walk(tuple(moves))

    def _caller(self, frame: FrameType | None) -> FrameType | None:
        """The innermost frame of ours, from `frame` on outwards."""
        while frame is not None and self._name(frame.f_code) is None:
            frame = frame.f_back
        return frame

    def _name(self, code: CodeType) -> str | None:
        """The file of a function, None where it is none of ours."""
        if code not in self._names:
            self._names[code] = self._find(Path(code.co_filename))
        return self._names[code]

    def _find(self, file: Path) -> str | None:
        if not file.is_relative_to(self._root):
            return None
        name = file.relative_to(self._root)
        return name.as_posix() if name.parts[0] in self._ours else None


def _begins(frame: FrameType) -> bool:
    """Whether a function begins: no comprehension, and no generator that is resumed."""
    code = frame.f_code
    # The event comes at a RESUME; the low bits of its argument are 0 at a function's beginning.
    return code.co_name not in _INLINE and not code.co_code[frame.f_lasti + 1] & 3


@contextmanager
def traced(tracer: Tracer) -> Iterator[None]:
    """Trace this thread, and those that are started meanwhile."""
    threading.setprofile(tracer.notice)
    sys.setprofile(tracer.notice)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def walk_of(work: Callable[[], object]) -> Walk:
    """The walk of some work, which was done once before."""
    tracer = Tracer()
    with traced(tracer):
        work()
    return tracer.walk()


def walk_of_query(engine: SearchEngine) -> Walk:
    """From the HTTP request of one search to its answer."""
    from web import create_app

    client = create_app(engine).test_client()
    tracer = Tracer()

    def ask() -> None:
        if client.get(_QUERY).status_code != 200:
            raise SystemExit("the search was not answered")

    ask()
    # The search runs in a thread that waits for work since then: it traces itself.
    engine.workers.run(partial(sys.setprofile, tracer.notice))
    with traced(tracer):
        ask()
    engine.workers.run(partial(sys.setprofile, None))
    return tracer.walk()


def measure() -> dict[str, Walk]:
    """Both walks, over the sample photos in a home that is thrown away."""
    from captioner.checkpoint import load_checkpoint
    from captioner.embedder import choose_embedder
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer
    from indexer.sample_photos import copy_sample_photos
    from search.engine import SearchEngine

    captioner, embedder = load_checkpoint(device="cpu"), choose_embedder(device="cpu")
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        photos = copy_sample_photos(Path(folder) / "photos")
        home = open_home(Path(folder) / "home")
        database = open_database(home)
        try:
            indexer = Indexer(home, database, captioner, embedder)
            indexer.index([photos[0].parent])
            query = walk_of_query(SearchEngine(home, database, captioner, embedder))
            one_more = Path(folder) / "one more"
            one_more.mkdir()
            shutil.copy(photos[0], one_more)
            # Other bytes than those of the copy that is indexed, so that it is captioned.
            with (one_more / photos[0].name).open("ab") as file:
                file.write(b"\0")
            run = walk_of(lambda: indexer.index([one_more]))
        finally:
            database.close()
    return {"query": query, "index run": run}


def first_line(file: str, root: Path) -> str:
    """What a module says of itself, in the first line of its docstring."""
    told = ast.get_docstring(ast.parse((root / file).read_text(encoding="utf-8"))) or ""
    return told.partition("\n")[0]


def describe(name: str, walk: Walk, root: Path = ROOT) -> str:
    """A walk in Markdown: its figures, then its files in order, each with what it says it is."""
    lines = [
        f"**{name}**: {len(walk.entries)} files, {len(walk.moves)} moves, {walk.returns} returns",
        "",
    ]
    for number, (file, entered) in enumerate(walk.entries.items(), start=1):
        often = f" (entered {entered} times)" if entered > 1 else ""
        lines.append(f"{number}. `{file}`{often}: {first_line(file, root)}")
    return "\n".join(lines)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="every move, for programs")
    as_json = parser.parse_args().json
    walks = measure()
    if as_json:
        print(json.dumps({name: walk.to_json() for name, walk in walks.items()}, indent=1))
    else:
        print("\n\n".join(describe(name, walk) for name, walk in walks.items()))


if __name__ == "__main__":
    main()
