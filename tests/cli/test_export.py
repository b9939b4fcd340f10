"""`tellshow export`: what is known of photos as CSV, JSON and XMP."""

import csv
import io
import json
from pathlib import Path

import pytest

from catalog.home import Home
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


def export(home: Home, *arguments: str | Path) -> Exit:
    return run(["export", "--home", str(home.path), *map(str, arguments)])


def test_csv_and_json_say_the_same_of_each_photo(
    indexed_home: Home, tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "photos.json"
    assert export(indexed_home, "--csv", "-", "--json", file) == Exit.DONE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    photos = json.loads(file.read_text())["photos"]
    assert [row["path"] for row in rows] == [photo["path"] for photo in photos]
    assert len(rows) == 12
    for row, photo in zip(rows, photos, strict=True):
        assert list(row) == list(photo)
        assert row["caption"] == photo["caption"]
        assert row["tags"] == "; ".join(tag["name"] for tag in photo["tags"])
        assert 0 <= photo["caption_probability"] <= 1
    assert [each.name for each in tmp_path.iterdir()] == ["photos.json"]


def test_filters_narrow_it_and_sidecars_mirror_the_folders(
    indexed_home: Home, sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    out = tmp_path / "sidecars"
    assert export(indexed_home, "--xmp", out, "--captions", "--format", "jpeg") == Exit.DONE
    found = {path.relative_to(out) for path in out.rglob("*.xmp")}
    place = sample_photos.relative_to(sample_photos.anchor)
    jpegs = {place / f"{photo.name}.xmp" for photo in sample_photos.glob("*.jpg")}
    assert found
    assert found <= jpegs
    assert not list(sample_photos.rglob("*.xmp"))
    assert f"{len(found)} sidecars written" in capsys.readouterr().err

    own, changed = sorted(out.rglob("*.xmp"))[:2]
    changed.write_bytes(b"somebody's own")
    assert export(indexed_home, "--xmp", out, "--captions", "--format", "jpeg") == Exit.DONE
    said = capsys.readouterr().err
    assert f"{changed}: left as it is" in said
    assert f"0 sidecars written, {len(found) - 1} unchanged, 1 left" in said
    assert changed.read_bytes() == b"somebody's own"
    assert b"guessed by tellshow" in own.read_bytes()


def test_sidecars_lie_beside_photos_only_when_asked(
    album: Path, home: Home, capsys: Output
) -> None:
    before = {photo: photo.read_bytes() for photo in album.iterdir()}
    assert run(["index", str(album), "--home", str(home.path)]) == Exit.DONE
    assert export(home, "--beside") == Exit.DONE
    assert {photo: photo.read_bytes() for photo in before} == before
    assert {path.suffix for path in set(album.iterdir()) - set(before)} <= {".xmp"}
    assert "0 failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [(), ("--csv", "-", "--json", "-"), ("--xmp", "out", "--beside"), ("--csv", "-", "--captions"),
     ("--csv", "-", "--after", "yesterday")],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(
    home: Home, wrong: tuple[str, ...], capsys: Output
) -> None:
    assert export(home, *wrong) == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_empty_home_exports_an_empty_table(home: Home, tmp_path: Path, capsys: Output) -> None:
    assert export(home, "--json", tmp_path / "photos.json") == Exit.DONE
    assert json.loads((tmp_path / "photos.json").read_text()) == {"photos": []}
    assert "nothing is exported" in capsys.readouterr().err


def test_file_that_cannot_be_written_is_named(home: Home, tmp_path: Path, capsys: Output) -> None:
    assert export(home, "--csv", tmp_path / "nowhere" / "photos.csv") == Exit.FAILED
    assert "nowhere" in capsys.readouterr().err
