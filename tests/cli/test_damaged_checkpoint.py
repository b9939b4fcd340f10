"""A kept checkpoint is used only as it was: damaged, it neither searches nor describes."""

import shutil
from pathlib import Path

import pytest

from captioner import checkpoint
from captioner.checkpoint import DEFAULT_CHECKPOINT, save_checkpoint
from captioner.network import load_network
from tellshow import Exit, run
from tests.cli.command_process import rows

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a person's own."""
    copy = load_network(device="cpu")
    copy.provenance.name = "mine"
    file = tmp_path_factory.mktemp("mine") / "mine.safetensors"
    save_checkpoint(copy, file)
    return file


@pytest.fixture
def damaged(mine: Path, album: Path, tmp_path: Path) -> tuple[list[str], Path]:
    """A home indexed with that checkpoint, of whose copy one byte of the weights is changed."""
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), "--model", str(mine), *home]) == Exit.DONE
    [kept] = (tmp_path / "home" / "models").iterdir()
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    return home, kept


def test_nothing_is_described_or_found_with_damaged_weights(
    damaged: tuple[list[str], Path], album: Path, mine: Path, tmp_path: Path, capsys: Output
) -> None:
    home, kept = damaged
    capsys.readouterr()
    for command in (["search", "a cat"], ["complete", "a"], ["rebuild"]):
        assert run([*command, *home]) == Exit.FAILED
        captured = capsys.readouterr()
        assert "no captioner that described the photos can answer: mine" in captured.err
        assert captured.out == ""
    shutil.copy(album / "cat.png", album / "new.png")
    with (album / "new.png").open("ab") as photo:
        photo.write(b"other bytes")
    for model in ([], ["--model", str(kept)]):
        assert run(["index", str(album), *model, *home]) == Exit.FAILED
        assert "damaged" in capsys.readouterr().err
    assert rows(tmp_path / "home", "state") == 2
    assert run(["status", *home]) == Exit.DONE  # counts, whatever is damaged
    assert run(["doctor", *home]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "1 checkpoints that are damaged: bring them back from a backup" in captured.out
    assert str(kept) in captured.out


def test_sound_file_given_again_replaces_the_damaged_copy(
    damaged: tuple[list[str], Path], album: Path, mine: Path, tmp_path: Path, capsys: Output
) -> None:
    home, kept = damaged
    assert run(["index", str(album), "--model", str(mine), *home]) == Exit.DONE
    assert kept.read_bytes() == mine.read_bytes()
    assert rows(tmp_path / "home", "state") == 2
    assert run(["search", "a cat", *home]) == Exit.DONE
    assert "cat.png" in capsys.readouterr().out


@pytest.fixture
def damaged_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of which one byte of the captioner's weights is changed."""
    content = bytearray(DEFAULT_CHECKPOINT.read_bytes())
    content[len(content) // 2] ^= 1
    file = tmp_path / "shipped.safetensors"
    file.write_bytes(content)
    monkeypatch.setattr(checkpoint, "DEFAULT_CHECKPOINT", file)
    return file


def test_damaged_shipped_captioner_describes_nothing_in_a_new_home(
    damaged_shipped: Path, album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    photo = str(album / "cat.png")
    for command in (["index", str(album)], ["caption", photo]):
        assert run([*command, *(home if command[0] != "caption" else [])]) == Exit.FAILED
        captured = capsys.readouterr()
        assert f"{damaged_shipped} is not as it was shipped; install tellshow again" in captured.err
        assert captured.out == ""
    assert rows(tmp_path / "home", "photo") == 0


def test_home_goes_on_with_its_copy_of_the_shipped_captioner(
    album: Path, tmp_path: Path, capsys: Output, request: pytest.FixtureRequest
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    file = request.getfixturevalue("damaged_shipped")
    shutil.copy(album / "cat.png", album / "new.png")
    with (album / "new.png").open("ab") as photo:
        photo.write(b"other bytes")
    capsys.readouterr()
    assert run(["index", str(album), *home]) == Exit.DONE
    captured = capsys.readouterr()
    assert f"{file} is damaged: its copy in" in captured.err
    assert captured.out.startswith("1 indexed, 2 unchanged")
    assert run(["search", "a cat", *home]) == Exit.DONE
    assert "cat.png" in capsys.readouterr().out
    assert run(["doctor", *home]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "1 checkpoints that are damaged" in captured.out
    assert "comes back by installing it again" in captured.out
    assert str(file) in captured.out


@pytest.mark.parametrize("harm", ["emptied", "truncated", "flipped"])
def test_home_of_which_every_copy_is_damaged_answers_nothing(
    harm: str, album: Path, tmp_path: Path, capsys: Output, request: pytest.FixtureRequest
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    request.getfixturevalue("damaged_shipped")
    for kept in (tmp_path / "home" / "models").iterdir():
        content = kept.read_bytes()
        middle = len(content) // 2
        kept.write_bytes(
            {
                "emptied": b"",
                "truncated": content[:middle],
                "flipped": content[:middle] + b"?" + content[middle + 1 :],
            }[harm]
        )
    capsys.readouterr()
    for command in (["search", "a cat"], ["complete", "a"], ["index", str(album)]):
        assert run([*command, *home]) == Exit.FAILED
        captured = capsys.readouterr()
        assert "damaged" in captured.err
        assert captured.out == ""
    assert rows(tmp_path / "home", "state") == 2
