"""A home does no harm: no file of anybody else's is touched, and nothing lost is passed over."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.home import Home
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def home(indexed_home: Home, tmp_path: Path) -> Path:
    """A home of a dozen photos that a test may change."""
    return shutil.copytree(indexed_home.path, tmp_path / "home")


def files(folder: Path) -> dict[str, int]:
    return {
        os.path.relpath(path, folder): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("tellshow-home", "writer.lock"))
    }


def fails(capsys: Output, *arguments: str | Path) -> str:
    """What a command says on stderr, and nothing on stdout, that ends with code 1."""
    capsys.readouterr()
    assert run([str(each) for each in arguments]) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_folder_of_photos_is_no_home_and_loses_nothing(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    pictures = tmp_path / "pics"
    photo = pictures / "thumbnails" / "2019" / "a.jpg"
    photo.parent.mkdir(parents=True)
    shutil.copy(sample_photos / "rocket.jpg", photo)
    before = files(pictures)
    for command in (["index", pictures], ["doctor"], ["search", "a rocket"], ["status"]):
        told = fails(capsys, *command, "--home", pictures)
        assert "is no home of tellshow and holds other things (thumbnails)" in told
        assert files(pictures) == before
    assert run(["index", str(pictures), "--home", str(pictures / "home"), "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["indexed"] == 1
    assert run(["index", str(pictures), "--home", str(pictures / "home"), "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["unchanged"] == 1  # its thumbnail is no photo


def test_photos_among_the_thumbnails_of_an_old_home_are_indexed_and_kept(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    """An earlier release made its home wherever it was told to."""
    pictures = tmp_path / "pics"
    options = ["--home", str(pictures), "--json"]
    pictures.mkdir()
    assert run(["status", *options]) == Exit.DONE
    (pictures / "tellshow-home.json").unlink()
    for name in ("a.jpg", "thumbnails/2019/b.jpg", "thumbnails/20/c.jpg", "models/car/d.jpg"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_photos / "rocket.jpg", pictures / name)
        with (pictures / name).open("ab") as photo:
            photo.write(name.encode())
    own = sorted(name for name in files(pictures) if name.endswith(".jpg"))
    for _ in range(2):
        assert run(["index", str(pictures), *options]) == Exit.DONE
    capsys.readouterr()
    assert run(["index", str(pictures), *options]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["unchanged"] == len(own) == 4
    assert run(["doctor", *options]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert [(each["problem"], each["count"]) for each in told["findings"]] == [("foreign", 3)]
    assert set(own) <= set(files(pictures))


@pytest.mark.parametrize("content", [None, b"", b"\0"])
def test_every_command_says_that_the_catalog_is_lost(
    home: Path, sample_photos: Path, content: bytes | None, capsys: Output
) -> None:
    database = home / "catalog.db"
    database.unlink()
    if content is not None:
        database.write_bytes(content)
    before = files(home)
    for command in (
        ["search", "a cat"], ["doctor"], ["status"], ["index", sample_photos], ["rebuild"],
        ["models"], ["serve"], ["similar", sample_photos / "cat.png"], ["complete", "a"],
        ["backup", home.parent / "backup.zip"],
    ):  # fmt: skip
        told = fails(capsys, *command, "--home", home)
        assert "had a catalog, but its database" in told
        assert "tellshow restore FILE" in told
        assert files(home) == before


def test_backup_is_restored_by_command(
    home: Path, tmp_path: Path, capsys: Output, sample_photos: Path
) -> None:
    backup, options = tmp_path / "photos.backup", ["--home", str(home), "--json"]
    assert run(["backup", str(backup), *options]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["photos"], told["bytes"]) == (12, backup.stat().st_size)
    assert "--force" in fails(capsys, "backup", backup, "--home", home)
    assert run(["backup", str(backup), "--force", *options]) == Exit.DONE
    capsys.readouterr()
    assert run(["search", "a cat", *options]) == Exit.DONE
    before = json.loads(capsys.readouterr().out)["results"]
    (home / "catalog.db").unlink()
    assert run(["restore", str(backup), *options]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {"photos": 12, "checkpoints": 0, "aside": None}
    assert run(["search", "a cat", *options]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["results"] == before
    assert run(["doctor", *options]) == Exit.DONE
    assert "is no backup" in fails(capsys, "restore", sample_photos / "cat.png", "--home", home)


@pytest.mark.parametrize("name", ["catalog.db-wal", "catalog.db-shm", "writer.lock"])
def test_folder_in_the_place_of_a_file_is_what_the_doctor_finds(
    home: Path, name: str, capsys: Output
) -> None:
    (home / name).unlink(missing_ok=True)
    (home / name).mkdir()
    capsys.readouterr()
    assert run(["doctor", "--home", str(home), "--json"]) == Exit.FAILED
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert finding["problem"] == "misplaced"
    assert finding["examples"] == [str(home / name)]
    if name != "writer.lock":
        told = fails(capsys, "search", "a cat", "--home", home)
        assert f"{home / name} is a folder where a file of the database belongs" in told


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_disk_without_locks_is_named_and_can_be_searched(
    home: Path, album: Path, number: int, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    for command in (["index", album], ["doctor"]):
        told = fails(capsys, *command, "--home", home)
        assert "has no file locks (flock)" in told
        assert "Another tellshow" not in told
    shutil.rmtree(home / "vectors")  # made anew, and not saved
    assert run(["search", "a cat", "--home", str(home)]) == Exit.DONE
    assert "cat.png" in capsys.readouterr().out


def flip(file: Path) -> None:
    """Change a byte of a file of its own, whatever else was linked to it."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)


def test_damaged_kept_checkpoint_gives_way_to_a_sound_copy_and_is_mended(
    home: Path, indexed_home: Home, captioner: Callable[..., object], capsys: Output
) -> None:
    from captioner.checkpoint import DEFAULT_CHECKPOINT

    sha256 = captioner.sha256  # type: ignore[attr-defined]
    kept = home / "models" / f"{sha256}.safetensors"
    shutil.copy(DEFAULT_CHECKPOINT, kept)
    flip(kept)
    options = ["--home", str(home)]
    assert run(["search", "a cat", *options]) == Exit.DONE
    captured = capsys.readouterr()
    assert "cat.png" in captured.out
    assert "damaged" not in captured.err
    assert run(["doctor", "--dry-run", *options]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "1 checkpoints that are damaged" in captured.out
    assert str(kept) in captured.out
    assert "is damaged" in fails(capsys, "search", "a cat", "--model", kept, *options)
    assert run(["doctor", *options]) == Exit.DONE
    assert "1 checkpoints that are damaged: mended" in capsys.readouterr().out
    assert kept.read_bytes() == DEFAULT_CHECKPOINT.read_bytes()
