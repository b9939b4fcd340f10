"""The torture suite itself goes on working: a little of its quick kinds, and of its judgement."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.database import Database
from catalog.home import Home
from tests.catalog.factories import SampleCatalog, new_photos
from tests.project.source_tree import ROOT
from tests.torture.__main__ import KINDS
from tests.torture.answers import Look, judge
from tests.torture.kills import _damage, _forget
from tests.torture.table import HEAD, Outcome, Row

SOUND = Look({"photos": {"a.jpg": {"caption": "a cat", "score": 1.0}, "b.jpg": {"caption": "b"}}})


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (Look(SOUND.answers), Outcome.RIGHT),
        (Look({"photos": {"b.jpg": {"caption": "b"}}}), Outcome.WRONG),
        (Look({"photos": {"b.jpg": {"caption": "b"}}}, told="a.jpg is damaged"), Outcome.NAMED),
        (Look({}, refused={"photos": "The database is damaged."}), Outcome.NAMED),
        (Look(SOUND.answers, broke={"search": "Traceback"}), Outcome.WRONG),
        (Look(json.loads(json.dumps(SOUND.answers).replace("a cat", "a car"))), Outcome.WRONG),
        (Look(json.loads(json.dumps(SOUND.answers).replace("1.0", "1.1"))), Outcome.WRONG),
        (Look({}, findings={"foreign": ("a.txt",)}), Outcome.WRONG),
        (Look({}, findings={"damaged": ("a.jpg",)}), Outcome.NAMED),
    ],
)
def test_answers_that_differ_without_a_word_are_silently_wrong(
    seen: Look, outcome: Outcome
) -> None:
    assert judge(SOUND, seen).outcome is outcome


def test_row_has_a_cell_for_each_column_and_names_what_is_bad() -> None:
    row = Row("kills", seconds=2.4)
    row.add(Outcome.RIGHT, times=3)
    row.judge(False, "after 1 s", Outcome.LOST)
    assert row.line() == "| kills | 4 | 3 | 0 | 0 | 1 | 2 |"
    assert row.line().count("|") == HEAD.splitlines()[0].count("|")
    assert row.bad == ["kills: lost: after 1 s"]


def test_every_kind_is_a_module_and_make_runs_them_all() -> None:
    files = {path.name for path in Path(__file__).parent.iterdir()}
    assert {f"{kind}.py" for kind in KINDS} <= files
    assert "-m tests.torture --seed $(SEED)\n" in (ROOT / "Makefile").read_text()


@pytest.mark.slow
def test_a_little_torture_finds_nothing() -> None:
    """As a process of its own, which forks and has no threads."""
    asked = ["--seed", "1", "--scale", "0.01", "--only", "restores"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", *asked], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("0 silently wrong or lost\n")
    assert "| damaged backups | 1 |" in done.stdout


@pytest.mark.parametrize("harm", [_damage, _forget])
def test_harm_done_to_a_home_fits_the_tables(
    home: Home, database: Database, harm: Callable[[Path], None]
) -> None:
    """Of the newest revision: a harm that is none would let every case end as right."""
    SampleCatalog(home, database).add(new_photos(range(4)))
    vectors = home.vectors / "1-caption"
    vectors.mkdir()
    (vectors / "gen-1.faiss").write_bytes(b"")
    database.close()
    before = (home.path / "catalog.db").read_bytes()
    harm(home.path)
    assert (home.path / "catalog.db").read_bytes() != before
