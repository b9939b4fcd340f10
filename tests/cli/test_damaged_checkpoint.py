"""A kept checkpoint is used only as it was: damaged, it neither searches nor describes."""

import shutil
from pathlib import Path

import pytest

from captioner.checkpoint import load_checkpoint, save_checkpoint
from tellshow import Exit, run
from tests.cli.command_process import rows

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a person's own."""
    copy = load_checkpoint(device="cpu")
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
