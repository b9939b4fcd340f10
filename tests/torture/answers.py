"""What a home answers, and what is told of it: a sound home's answers are the measure."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.table import Outcome

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine

QUERIES = ("a cat", "a man with a camera", "a rocket", "Lisbon", "IMG_2041 coffee")
# Another batch, or another machine's arithmetic, moves the last digits of a likelihood.
TOLERANCE = 2e-3
# Their values differ from one indexing to the next.
_OWN = {"photo_id", "indexed_at", "mtime_ns"}
# What a photo's own rank among the others says of them.
_RELATIVE = {"score", "probability", "weak", "photo_id", "words"}


@dataclass
class Look:
    """Answers by name, each a mapping of path to what is said of it; and what went wrong.

    `refused`: sentences instead of answers. `broke`: tracebacks. `told`: the log, and stderr.
    `findings`: what the doctor names.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    broke: dict[str, str] = field(default_factory=dict)
    told: str = ""
    findings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def ask(self, name: str, question: Callable[[], dict[str, Any]]) -> None:
        """Note an answer, or why there is none."""
        from commands.common.errors import _known_errors, sentence

        try:
            self.answers[name] = question()
        except (OSError, *_known_errors()) as error:
            self.refused[name] = sentence(error)
        except Exception:
            self.broke[name] = traceback.format_exc()


@dataclass(frozen=True)
class Verdict:
    """What became of a case, why, and whether the doctor alone said so."""

    outcome: Outcome
    detail: str
    doctor_alone: bool = False


def look_at(home: Path) -> Look:
    """Ask a home all there is to ask; for a fork, since it loads what may be damaged."""
    look = Look()
    with contextlib.redirect_stderr(io.StringIO()) as told:
        look.ask("catalog", lambda: _look_into(look, home))
        look.told = told.getvalue()
        look.ask("doctor", lambda: _examine(look, home))
    return look


def judge(sound: Look, seen: Look) -> Verdict:
    """Compare a home's answers with those of the sound one."""
    if seen.broke:
        name, trace = next(iter(seen.broke.items()))
        return Verdict(Outcome.WRONG, f"{name} ended in a traceback:\n{trace}")
    differences = list(_differences(sound, seen))
    if not differences:
        return Verdict(Outcome.RIGHT, "")
    detail = "; ".join(differences[:3])
    at_once = bool(set(seen.refused) - {"doctor"} or seen.told.strip())
    by_doctor = bool(set(seen.findings) - {"foreign"} or "doctor" in seen.refused)
    if at_once or by_doctor:
        return Verdict(Outcome.NAMED, detail, doctor_alone=not at_once)
    return Verdict(Outcome.WRONG, detail)


def _look_into(look: Look, home: Path) -> dict[str, Any]:
    import click

    from commands.common.loading import answering_engine, open_catalog

    with (
        click.Context(click.Command("torture"), obj=home),
        open_catalog(home, reading=True) as (opened, database),
    ):
        look.ask("photos", lambda: _photos(database, opened))
        engine = answering_engine(opened, database, "cpu")
        for query in QUERIES:
            look.ask(f"search {query!r}", lambda query=query: _search(engine, query))
        look.ask("similar", lambda: _similar(engine))
        look.ask("status", lambda: {"status": _status(engine)})
    return {}


def _photos(database: Database, home: Home) -> dict[str, Any]:
    """All that is shown of every photo, its thumbnail's bytes among it."""
    from catalog.views import list_photos

    with database.read() as session:
        views = list_photos(session)
    return {
        str(view.full_path): {
            **{each.name: getattr(view, each.name) for each in fields(view)},
            "thumbnail": _digest(home.thumbnail(view.content_hash)),
        }
        for view in views
    }


def _digest(file: Path) -> str | None:
    """Of the thumbnail that a server sends, None where it sends none."""
    from catalog.sealed_thumbnails import read_thumbnail

    content = read_thumbnail(file)
    return None if content is None else hashlib.sha256(content).hexdigest()


def _search(engine: SearchEngine, query: str) -> dict[str, Any]:
    from dataclasses import asdict

    from search.request import SearchRequest

    found = engine.search(SearchRequest(query, k=100)).results
    return {each.path: {"rank": rank, **asdict(each)} for rank, each in enumerate(found)}


def _similar(engine: SearchEngine) -> dict[str, Any]:
    from search.engine import UnknownPhoto

    found = {}
    for key in engine.sample(3):
        with contextlib.suppress(UnknownPhoto):  # left out, as in searches
            name = str(engine.photo(key).full_path)
            found[name] = {each.path: each.similarity for each in engine.similar_to(key, 100)}
    return found


def _status(engine: SearchEngine) -> dict[str, Any]:
    told = engine.status().to_json()
    told["models"] = [model["name"] for model in told["models"]]  # type: ignore[attr-defined]
    return told


def _examine(look: Look, home: Path) -> dict[str, Any]:
    from tellshow import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run(["doctor", "--dry-run", "--json", "--home", str(home)])
    if not out.getvalue():
        look.refused["doctor"] = err.getvalue()
        return {}
    for finding in json.loads(out.getvalue())["findings"]:
        look.findings[finding["problem"]] = tuple(finding["examples"])
    return {}


def _differences(sound: Look, seen: Look) -> Any:
    for name, expected in sound.answers.items():
        found = seen.answers.get(name)
        if found is None:
            yield f"{name}: no answer"
            continue
        ignored = _OWN if set(found) == set(expected) else _OWN | _RELATIVE | {"rank"}
        for path in {*expected, *found}:
            if path not in found:
                yield f"{name}: {path} is missing"
            elif path not in expected:
                yield f"{name}: {path} is new"
            elif (other := _differ(expected[path], found[path], ignored)) is not None:
                yield f"{name}: {path}: {other}"


def _differ(one: Any, other: Any, ignored: set[str]) -> str | None:
    """Where two values differ, None where they do not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {*one, *other} - ignored:
            if key not in one or key not in other:
                return f"{key} is in one alone"
            if (found := _differ(one[key], other[key], ignored)) is not None:
                return f"{key}: {found}"
        return None
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return f"{one!r} is {other!r}"
        pairs = zip(one, other, strict=True)
        return next((d for a, b in pairs if (d := _differ(a, b, ignored)) is not None), None)
    if isinstance(one, float) and isinstance(other, float):
        return None if abs(one - other) <= TOLERANCE else f"{one} is {other}"
    return None if one == other else f"{str(one)[:60]!r} is {str(other)[:60]!r}"
