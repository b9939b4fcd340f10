"""Photos whose bytes changed in silence are named by those commands that were asked to look."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


def decay(photo: Path) -> None:
    """Change one bit of a file, but not its time."""
    before, content = photo.stat(), bytearray(photo.read_bytes())
    content[len(content) // 2] ^= 1
    photo.write_bytes(content)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_decayed_photo_is_named_when_asked_for_and_keeps_its_description(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    index = ["index", str(album), "--json", *home]
    assert run([*index, "--verify"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["changed_originals"] == []
    assert run(["doctor", "--verify-photos", *home]) == Exit.DONE
    photo = album / "cat.png"
    decay(photo)
    capsys.readouterr()
    assert run(index) == Exit.DONE
    assert "changed_originals" not in json.loads(capsys.readouterr().out)
    assert run([*index, "--verify"]) == Exit.DONE
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["changed_originals"], report["indexed"]) == ([str(photo)], 0)
    assert f"{photo}: its bytes changed although" in captured.err
    assert run(["doctor", *home]) == Exit.DONE
    capsys.readouterr()
    assert run(["doctor", "--verify-photos", "--json", *home]) == Exit.FAILED
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["problem"], finding["mended"]) == ("originals", False)
    assert finding["examples"] == [str(photo)]
    assert run(["search", "a cat", *home]) == Exit.DONE
    assert "cat.png" in capsys.readouterr().out


def test_damaged_thumbnail_is_remade_by_doctor_and_index_as_it_was(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    thumbnail = sorted((tmp_path / "home" / "thumbnails").rglob("*.jpg"))[0]
    before = thumbnail.read_bytes()
    decay(thumbnail)
    capsys.readouterr()
    assert run(["doctor", *home]) == Exit.FAILED
    assert "1 photos whose thumbnail is missing or damaged" in capsys.readouterr().out
    assert run(["index", str(album), *home]) == Exit.DONE
    assert thumbnail.read_bytes() == before
    assert run(["doctor", *home]) == Exit.DONE


@pytest.mark.parametrize("lost", ["the thumbnail", "the description"])
def test_decayed_photo_is_not_described_anew_when_something_else_is_damaged(
    lost: str, album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    photo = album / "cat.png"
    decay(photo)
    if lost == "the thumbnail":
        for thumbnail in (tmp_path / "home" / "thumbnails").rglob("*.jpg"):
            decay(thumbnail)
    else:
        with closing(sqlite3.connect(tmp_path / "home" / "catalog.db")) as opened, opened:
            opened.execute("UPDATE state SET bias = bias + 1")
    assert run(["doctor", *home]) == Exit.FAILED
    capsys.readouterr()
    assert run(["index", str(album), "--json", *home]) == Exit.DONE
    report = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in report["skipped"]] == [str(photo)]
    assert "changed although its size and time did not" in report["skipped"][0]["reason"]
    assert run(["doctor", "--verify-photos", "--json", *home]) == Exit.FAILED
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [each["examples"] for each in findings if each["problem"] == "originals"] == [
        [str(photo)]
    ]
    decay(photo)  # brought back
    assert run(["index", str(album), *home]) == Exit.DONE
    assert run(["doctor", "--verify-photos", *home]) == Exit.DONE


def test_decayed_photo_that_is_right_is_indexed_once_it_is_touched(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    decay(album / "rocket.jpg")
    (album / "rocket.jpg").touch()
    capsys.readouterr()
    assert run(["index", str(album), "--json", *home]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["indexed"] == 1
