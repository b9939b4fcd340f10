"""Homes in odd places and of odd files, odd backups, and names that mean a terminal harm."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest

from catalog.home import Home
from commands.serve import token_for
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def home(indexed_home: Home, tmp_path: Path) -> Path:
    """A home of a dozen photos that a test may change, as it lies while nobody has it open."""
    log = shutil.ignore_patterns("catalog.db-*")
    return shutil.copytree(indexed_home.path, tmp_path / "home", ignore=log)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "writer.lock"
    }


def fails(capsys: Output, *arguments: str | Path) -> str:
    """What a command says on stderr, and nothing on stdout, that ends with code 1."""
    capsys.readouterr()
    assert run([str(each) for each in arguments]) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def problems(capsys: Output, home: Path) -> dict[str, int]:
    capsys.readouterr()
    run(["doctor", "--json", "--home", str(home)])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {each["problem"]: each["count"] for each in findings}


def test_home_behind_a_link_is_a_home_like_any_other(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    disk, link = tmp_path / "disk", tmp_path / "link"
    disk.mkdir()
    link.symlink_to(disk)
    options = ["--home", str(link)]
    assert run(["index", str(album), *options]) == Exit.DONE
    orphan = disk / "thumbnails" / "ab" / f"ab{'0' * 62}.jpg"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"of no photo")
    assert problems(capsys, link) == {"orphans": 1}
    assert not orphan.exists()
    assert run(["search", "a cat", *options]) == Exit.DONE
    assert "cat.png" in capsys.readouterr().out
    assert link.is_symlink()


def test_photos_of_a_folder_within_the_home_are_indexed_and_kept(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = tmp_path / "home"
    options = ["--home", str(home), "--json"]
    assert run(["status", *options]) == Exit.DONE
    for place in ("photos", "thumbnails/ab", "models/2019"):
        shutil.copytree(album, home / place, dirs_exist_ok=True)
    for number, photo in enumerate(sorted(home.rglob("*.[jp][pn]g"))):
        with photo.open("ab") as file:
            file.write(b"%d" % number)
    before = {name for name in everything(home) if name.endswith((".jpg", ".png"))}
    capsys.readouterr()
    assert run(["index", str(home), *options]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["indexed"] == len(before) == 6
    assert run(["index", str(home / "photos"), *options]) == Exit.DONE
    assert set(problems(capsys, home)) == {"foreign"}
    assert before <= set(everything(home))


def test_link_to_a_folder_among_the_thumbnails_leads_nowhere(
    home: Path, tmp_path: Path, capsys: Output
) -> None:
    outside = tmp_path / "outside"
    thumbnail = next((home / "thumbnails").glob("*/*.jpg"))
    outside.mkdir()
    for name in (thumbnail.name, f"{thumbnail.parent.name}{'0' * 62}.jpg"):
        (outside / name).write_bytes(b"precious")
    shutil.rmtree(thumbnail.parent)
    thumbnail.parent.symlink_to(outside)
    assert {"thumbnails", "foreign"} == set(problems(capsys, home))
    assert everything(outside).keys() == {path.name for path in outside.iterdir()}
    assert set(everything(outside).values()) == {b"precious"}


def test_folder_in_the_place_of_the_marker_is_named(home: Path, capsys: Output) -> None:
    marker = home / "tellshow-home.json"
    marker.unlink()
    (marker / "notes").mkdir(parents=True)
    for command in (["index", home], ["doctor"], ["restore", home.parent / "a.backup"]):
        told = fails(capsys, *command, "--home", home)
        assert f"{marker} is a folder where a file belongs" in told
    assert (marker / "notes").is_dir()


@pytest.mark.parametrize("what", ["a folder", "a text", "another program's", "its log alone"])
def test_what_took_the_place_of_the_catalog_is_named_and_stays(
    home: Path, what: str, sample_photos: Path, capsys: Output
) -> None:
    database = home / "catalog.db"
    database.unlink()
    if what == "a folder":
        (database / "notes").mkdir(parents=True)
    elif what == "a text":
        database.write_bytes(b"my own words\n" * 1000)
    elif what == "its log alone":
        (home / "catalog.db-wal").write_bytes(b"what was committed last" * 100)
    else:
        with closing(sqlite3.connect(database)) as opened, opened:
            opened.execute("CREATE TABLE photo (id)")
    before = everything(home)
    for command in (["search", "a cat"], ["index", sample_photos], ["status"], ["doctor"]):
        if what == "a folder" and command == ["doctor"]:
            assert problems(capsys, home) == {"misplaced": 1}
            continue
        told = fails(capsys, *command, "--home", home)
        assert {
            "a folder": f"{database} is a folder where a file of the database belongs",
            "a text": "file is not a database",
            "another program's": f"{database} is now a database of another program",
            "its log alone": "is missing or empty",
        }[what] in told
        assert everything(home) == before


def test_backups_that_cannot_be_written_or_read_are_one_sentence(
    home: Path, tmp_path: Path, sample_photos: Path, capsys: Output
) -> None:
    before, options = everything(home), ("--home", home)
    assert "exists" in fails(capsys, "backup", sample_photos / "cat.png", *options)
    assert "exists" in fails(capsys, "backup", tmp_path, "--force", *options)
    assert "No such file" in fails(capsys, "backup", tmp_path / "gone" / "a.backup", *options)
    assert "No such file" in fails(capsys, "restore", tmp_path / "gone.backup", *options)
    assert "directory" in fails(capsys, "restore", tmp_path, *options)
    (tmp_path / "text").write_text("no archive")
    assert "is no backup, or a damaged one" in fails(capsys, "restore", tmp_path / "text", *options)
    assert everything(home) == before


@pytest.mark.parametrize("content", ["", " \n\t", "two words\n", "a\nb"])
def test_token_file_without_a_token_serves_nothing(
    home: Path, tmp_path: Path, content: str, capsys: Output
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    assert run(["serve", "--token-file", str(file), "--home", str(home)]) == Exit.USAGE
    assert "at least one character" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["file", "environment", "both"])
def test_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments are seen by everybody on the machine."""
    file = tmp_path / "token"
    file.write_text("  pass-word\r\n")
    if given != "file":
        monkeypatch.setenv("TELLSHOW_TOKEN", "pass-word")
    if given == "both":
        with pytest.raises(click.UsageError, match="not both"):
            token_for("127.0.0.1", None, file)
    else:
        found = token_for("127.0.0.1", None, file if given == "file" else None)
        assert found == "pass-word"


@pytest.mark.parametrize("token", ["", " "])
def test_empty_token_of_the_environment_serves_nothing(
    home: Path, token: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_TOKEN", token)
    assert run(["serve", "--home", str(home)]) == Exit.USAGE
    assert "at least one character" in capsys.readouterr().err


def test_token_file_that_is_not_there_is_named(home: Path, tmp_path: Path, capsys: Output) -> None:
    for file in (tmp_path / "gone", tmp_path):
        assert str(file) in fails(capsys, "serve", "--token-file", file, "--home", home)


def test_no_command_writes_a_name_to_the_terminal_that_acts_there(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    folder = tmp_path / "a\x1b]0;owned\x07\u202egnp\x9b2J"
    photo = folder / "\x1b[2J\x1b]8;;http:evil\x1b\\\u2066\u200b.png"
    folder.mkdir()
    shutil.copy(album / "cat.png", photo)
    (folder / "bad\x1b[1m\n.jpg").write_bytes(b"no photo")
    options = ["--home", str(tmp_path / "home")]
    for command in (
        ["index", str(folder)], ["search", "a cat \x1b[2J", "--explain"], ["status"],
        ["doctor", "--verify-photos"], ["similar", str(photo)], ["explain", str(photo), "a \u202e"],
        ["caption", str(photo)], ["score", str(photo), "a cat\x1b[1m"], ["complete", "a cat \x9b"],
        ["index", str(photo)], ["index", str(folder / "\x1bgone")], ["restore", str(photo)],
        ["backup", str(folder / "\x9b.backup")], ["models", "--drop", "\x1b[2J"],
        ["search", "a", "--model", str(folder / "\x1b[2J.safetensors")],
    ):  # fmt: skip
        home = options if command[0] not in {"explain", "caption", "score"} else []
        run([*command, *home])
        captured = capsys.readouterr()
        told = (captured.out + captured.err).replace("\r", "")  # of the progress bar
        for harm in "\x1b\x07\x9b\u202e\u2066\u200b":
            assert harm not in told, (command, told)
