"""`tellshow roots`: the indexed folders listed, moved and forgotten."""

import json
import shutil
from pathlib import Path

import pytest

from catalog.database import open_database
from catalog.home import open_home
from catalog.views import list_photos
from tellshow import Exit, run
from tests.cli.command_process import rows

Output = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def indexed(album: Path, home: Path, capsys: Output) -> Path:
    """The album, indexed in the home."""
    assert run(["index", str(album), "--home", str(home)]) == Exit.DONE
    capsys.readouterr()
    return album


def listed(home: Path, capsys: Output) -> list[dict[str, object]]:
    assert run(["roots", "--json", "--home", str(home)]) == Exit.DONE
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["roots"]
    return found


def test_folders_are_listed_with_their_photos_and_when_they_were_indexed(
    indexed: Path, home: Path, capsys: Output
) -> None:
    [root] = listed(home, capsys)
    last = str(root.pop("last_indexed"))
    assert root == {"path": str(indexed), "photos": 2, "reachable": True}
    assert run(["roots", "list", "--home", str(home)]) == Exit.DONE
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{indexed}: 2 photos, last indexed {last[:10]} ")
    assert captured.err == ""


def test_a_folder_that_is_away_is_told_what_can_be_done(
    indexed: Path, home: Path, capsys: Output
) -> None:
    indexed.rename(indexed.with_name("away"))
    assert run(["roots", "--home", str(home)]) == Exit.DONE
    captured = capsys.readouterr()
    assert "cannot be reached" in captured.out
    assert "tellshow roots move" in captured.err
    assert run(["status", "--home", str(home)]) == Exit.DONE
    assert "tellshow roots" in capsys.readouterr().out


def test_an_empty_home_has_no_folders(home: Path, capsys: Output) -> None:
    assert listed(home, capsys) == []


def test_a_folder_is_moved_with_its_words_and_the_model_does_not_run(
    indexed: Path, home: Path, capsys: Output
) -> None:
    moved = indexed.rename(indexed.with_name("lisbon"))
    command = ["roots", "move", f"{indexed}/", f"{moved}//", "--json", "--home", str(home)]
    assert run(command) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told == {"old": str(indexed), "new": str(moved), "moved": 2, "left": 0, "missing": 0}
    assert [root["path"] for root in listed(home, capsys)] == [str(moved)]
    assert run(["search", "lisbon", "--json", "--home", str(home)]) == Exit.DONE
    results = json.loads(capsys.readouterr().out)["results"]
    assert [each["matched"] for each in results] == [["lisbon"], ["lisbon"]]
    assert run(["index", str(moved), "--json", "--home", str(home)]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["unchanged"] == 2


def test_a_folder_may_be_moved_onto_one_that_is_indexed(
    indexed: Path, home: Path, sample_photos: Path, capsys: Output
) -> None:
    other = indexed.with_name("other")
    other.mkdir()
    shutil.copy(indexed / "cat.png", other / "kitten.png")
    shutil.copy(sample_photos / "coffee.png", other / "coffee.png")
    assert run(["index", str(other), "--home", str(home)]) == Exit.DONE
    capsys.readouterr()
    before = ids_of(home)
    assert run(["roots", "move", str(indexed), str(other), "--home", str(home)]) == Exit.DONE
    captured = capsys.readouterr()
    assert captured.out.startswith(f"moved 1 photo from {indexed} to {other}")
    assert "tellshow roots forget" in captured.err
    after = ids_of(home)
    assert after[str(other / "kitten.png")] == before[str(indexed / "cat.png")]
    assert sorted(after) == sorted(
        [str(indexed / "rocket.jpg"), str(other / "kitten.png"), str(other / "coffee.png")]
    )


def ids_of(home: Path) -> dict[str, int]:
    """Every photo's id by its path."""
    database = open_database(open_home(home))
    with database.read() as session:
        found = {str(photo.full_path): photo.photo_id for photo in list_photos(session)}
    database.close()
    return found


def test_a_move_that_cannot_be_meant_is_refused(
    indexed: Path, home: Path, tmp_path: Path, capsys: Output
) -> None:
    (indexed / "inner").mkdir()
    there = tmp_path / "there"
    there.mkdir()
    for old, new, reason in (
        (tmp_path / "unknown", there, f"these are: {indexed}"),
        (indexed, tmp_path / "nowhere", "there is no folder"),
        (indexed, indexed, "lie already"),
        (indexed, indexed / "inner", "lie in one another"),
        (indexed, tmp_path, "lie in one another"),
    ):
        command = ["roots", "move", str(old), str(new), "--home", str(home)]
        assert run(command) == Exit.FAILED
        assert reason in capsys.readouterr().err
    assert [root["path"] for root in listed(home, capsys)] == [str(indexed)]


def test_a_folder_is_forgotten_and_its_files_are_not_touched(
    indexed: Path, home: Path, tmp_path: Path, capsys: Output
) -> None:
    other = tmp_path / "copy"
    other.mkdir()
    shutil.copy(indexed / "cat.png", other / "cat.png")
    assert run(["index", str(other), "--home", str(home)]) == Exit.DONE
    command = ["roots", "forget", str(indexed), "--home", str(home)]
    assert run(command) == Exit.USAGE
    assert "--yes" in capsys.readouterr().err
    assert rows(home, "photo") == 3
    assert run([*command, "--yes", "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told == {"forgotten": str(indexed), "photos": 2, "thumbnails": 1}
    assert sorted(path.name for path in indexed.iterdir()) == ["cat.png", "rocket.jpg"]
    assert list(ids_of(home)) == [str(other / "cat.png")]
    assert len(list((home / "thumbnails").glob("*/*.jpg"))) == 1
    assert run([*command, "--yes"]) == Exit.FAILED
    assert f"these are: {other}" in capsys.readouterr().err


@pytest.mark.parametrize(("agrees", "left"), [(False, 2), (True, 0)])
def test_who_can_be_asked_is_asked(
    indexed: Path,
    home: Path,
    agrees: bool,
    left: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def confirm(text: str, **options: object) -> bool:
        asked.append(text)
        return agrees

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.confirm", confirm)
    code = run(["roots", "forget", str(indexed), "--home", str(home)])
    assert code == (Exit.FAILED if left else Exit.DONE)
    assert asked == [f"Take 2 photos of {indexed} out of the catalog?"]
    assert rows(home, "photo") == left
    capsys.readouterr()
