"""The walk through our files is counted as its docstring says: made-up calls, then a query."""

import importlib
import inspect
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.walk import OUTSIDE, Tracer, describe, traced, walk_of_query
from search.engine import SearchEngine

_FILES = {
    "first.py": """
        \"\"\"The first of the made-up files.

        More of it.
        \"\"\"
        from made_up import second, third

        def loops():
            for number in range(3):
                second.plain(number)

        def returns():
            second.plain(0)
            third.plain()
            second.plain(1)

        def goes_on():
            second.calls_third()
            second.calls_third()

        def two_of_one_file():
            second.plain(0)
            second.other()

        def comprehends():
            return [second.plain(number) for number in range(3)]

        def generates():
            return list(second.numbers())

        def by_way_of_others():
            return sorted([2, 1], key=second.plain)

        def alone():
            return loops
    """,
    "second.py": """
        from made_up import third

        def plain(number):
            return number

        def other():
            return own()

        def own():
            return 1

        def calls_third():
            third.plain()

        def numbers():
            yield third.plain()
            yield 2
            yield 3
    """,
    "third.py": """
        def plain():
            return 0
    """,
}
_START = (OUTSIDE, "made_up/first.py")
_TO_SECOND = ("made_up/first.py", "made_up/second.py")
_TO_THIRD = ("made_up/first.py", "made_up/third.py")
_ON = ("made_up/second.py", "made_up/third.py")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a package of three files, which may be imported."""
    (tmp_path / "made_up").mkdir()
    for name, text in _FILES.items():
        (tmp_path / "made_up" / name).write_text(textwrap.dedent(text).lstrip())
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_up"]:
        del sys.modules[name]


def _function(name: str) -> Callable[[], object]:
    function: Callable[[], object] = getattr(importlib.import_module("made_up.first"), name)
    return function


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("loops", [_TO_SECOND]),
        ("returns", [_TO_SECOND, _TO_THIRD, _TO_SECOND]),
        ("goes_on", [_TO_SECOND, _ON, _TO_SECOND]),
        ("two_of_one_file", [_TO_SECOND]),
        ("comprehends", [_TO_SECOND]),
        ("generates", [_TO_SECOND, _ON]),
        ("by_way_of_others", [_TO_SECOND]),
        ("alone", []),
    ],
)
def test_moves_are_counted_from_file_to_file(
    root: Path, function: str, expected: list[tuple[str, str]]
) -> None:
    tracer, work = Tracer(root, ["made_up"]), _function(function)
    with traced(tracer):
        work()
    assert [(move.source, move.target) for move in tracer.walk().moves] == [_START, *expected]


def test_returns_are_moves_into_files_that_were_entered_before(root: Path) -> None:
    tracer, work = Tracer(root, ["made_up"]), _function("returns")
    with traced(tracer):
        work()
    walk = tracer.walk()
    assert walk.entries == {"made_up/first.py": 1, "made_up/second.py": 2, "made_up/third.py": 1}
    assert list(walk.entries) == ["made_up/first.py", "made_up/second.py", "made_up/third.py"]
    assert walk.returns == 1
    assert {key: walk.to_json()[key] for key in ("files", "moves", "returns")} == {
        "files": 3, "moves": 4, "returns": 1,
    }  # fmt: skip


def test_functions_that_are_called_in_turn_stand_in_one_move(root: Path) -> None:
    tracer, work = Tracer(root, ["made_up"]), _function("two_of_one_file")
    with traced(tracer):
        work()
    assert tracer.walk().moves[-1].functions == ("plain", "other")


def test_threads_started_meanwhile_are_followed_and_start_outside(root: Path) -> None:
    tracer, work = Tracer(root, ["made_up"]), _function("two_of_one_file")
    with traced(tracer):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [(move.source, move.target) for move in tracer.walk().moves] == [_START, _TO_SECOND]


def test_files_that_are_not_ours_do_not_count(root: Path) -> None:
    tracer, work = Tracer(root, ["another"]), _function("returns")
    with traced(tracer):
        work()
    assert tracer.walk().moves == ()


def test_a_walk_is_described_by_what_its_files_say_they_are(root: Path) -> None:
    tracer, work = Tracer(root, ["made_up"]), _function("alone")
    with traced(tracer):
        work()
    assert describe("alone", tracer.walk(), root) == (
        "**alone**: 1 files, 1 moves, 0 returns\n\n"
        "1. `made_up/first.py`: The first of the made-up files."
    )


def test_a_query_walks_from_the_web_down_to_the_captioner_and_the_catalog(
    engine: SearchEngine,
) -> None:
    files = list(walk_of_query(engine).entries)
    captioner = Path(inspect.getfile(type(engine.captioner)))  # by runtime
    way = ["web/api/photos.py", "search/engine.py", f"captioner/{captioner.name}"]
    way += ["search/rerank.py", "captioner/scores.py"]
    assert [file for file in files if file in way] == way
    assert "catalog/database.py" in files
