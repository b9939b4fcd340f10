"""Photos whose bytes changed in silence are named by those commands that were asked to look."""

import json
import os
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
