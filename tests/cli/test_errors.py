"""What goes wrong: one sentence on stderr, nothing on stdout, and the exit codes of the design."""

from pathlib import Path

import pytest

import tellshow
from catalog.home import Home
from commands.common.errors import word
from indexer import encode_photo
from indexer.decode_pool import Decoders, Limits
from tellshow import Exit, run
from tests.cli.command_process import PATIENCE
from tests.indexer.hostile_photos import endless_jpeg

Output = pytest.CaptureFixture[str]


def _failing(arguments: list[str], code: Exit, message: str, capsys: Output) -> None:
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_no_such_folder(tmp_path: Path, capsys: Output) -> None:
    _failing(["index", str(tmp_path / "absent")], Exit.FAILED, "There is no folder", capsys)


def test_a_file_instead_of_a_folder(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "a.jpg").touch()
    _failing(["index", str(tmp_path / "a.jpg")], Exit.FAILED, "is a file", capsys)


def test_an_empty_folder(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["index", str(tmp_path / "empty"), "--home", str(tmp_path / "h")]) == Exit.FAILED
    assert "there are no photos in" in capsys.readouterr().err


def test_an_empty_query(capsys: Output) -> None:
    _failing(["search", ""], Exit.USAGE, "the query has no words", capsys)


def test_an_unknown_precision(
    indexed_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("TELLSHOW_PRECISION", "half")
    message = "TELLSHOW_PRECISION is 'half': set it to auto, float32 or bfloat16"
    _failing(["caption", "photo.jpg"], Exit.FAILED, message, capsys)
    arguments = ["search", "a dog", "--home", str(indexed_home.path)]
    _failing(arguments, Exit.FAILED, message, capsys)


def test_a_wrong_option(capsys: Output) -> None:
    _failing(["search", "a dog", "--stage", "guess"], Exit.USAGE, "guess", capsys)
    _failing(["search", "a dog", "-k", "0"], Exit.USAGE, "k must be from 1", capsys)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--after", "yesterday", "after must be a date such as 2021-07-14"),
        ("--before", "2021-99-01", "before must be a date"),
        ("--format", "exe", "format must be one of JPEG"),
        ("--orientation", "odd", "orientation must be one of landscape, portrait, square"),
    ],
)
def test_a_wrong_filter_is_one_sentence(
    option: str, value: str, message: str, capsys: Output
) -> None:
    _failing(["search", "a dog", option, value], Exit.USAGE, message, capsys)


def test_a_file_that_is_no_picture(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "notes.txt").write_text("words")
    _failing(["caption", str(tmp_path / "notes.txt")], Exit.FAILED, "notes.txt", capsys)
    _failing(["score", str(tmp_path / "notes.txt"), "a dog"], Exit.FAILED, "tellshow: ", capsys)


def test_a_checkpoint_of_another_version(tmp_path: Path, capsys: Output) -> None:
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "old.safetensors", {"format": "tellshow-captioner-0"})
    arguments = ["status", "--model", str(tmp_path / "old.safetensors")]
    _failing(arguments, Exit.FAILED, "tellshow-captioner-0", capsys)


def test_a_home_that_is_not_writable(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "file").touch()
    arguments = ["status", "--home", str(tmp_path / "file" / "home")]
    _failing(arguments, Exit.FAILED, "home", capsys)


def test_a_device_that_is_not_there(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "a dog", "--device", "cuda:99", "--home", str(indexed_home.path)]
    _failing(arguments, Exit.FAILED, "--device cpu", capsys)


def test_library_that_the_slim_install_lacks_is_named_with_what_brings_it(capsys: Output) -> None:
    missing = ModuleNotFoundError("No module named 'torch'", name="torch.nn")
    assert word(missing) == Exit.FAILED
    said = capsys.readouterr().err
    assert said.startswith("tellshow: this needs torch, which is not installed: ")
    assert said.count("\n") == 1
    assert "tellshow[train]" in said


def test_module_of_our_own_that_is_missing_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        word(ModuleNotFoundError("No module named 'web.gone'", name="web.gone"))


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tellshow.cli, "main", interrupted)
    assert run(["status"]) == Exit.INTERRUPTED
    assert capsys.readouterr().err == "tellshow: interrupted\n"


@pytest.mark.parametrize(
    ("name", "saves"), [("evaluate", False), ("serve", False), ("index", True)]
)
def test_a_stopped_command_claims_that_something_was_saved_where_it_was(
    name: str, saves: bool, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    command = tellshow.cli.commands[name]
    monkeypatch.setattr(command, "callback", interrupted)
    needed = {"evaluate": ["--captions", "c", "--images", "i"], "index": ["folder"]}
    assert run([name, *needed.get(name, [])]) == Exit.INTERRUPTED
    assert ("saved" in capsys.readouterr().err) == saves


@pytest.mark.parametrize(
    "arguments", [["caption"], ["score", "a cat"], ["explain", "a cat"], ["similar"]]
)
def test_picture_that_takes_for_ever_is_given_up(
    arguments: list[str], indexed_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:  # fmt: skip
    """It is decoded where indexing decodes, within the same limits."""
    decoders = Decoders(limits=Limits(cpu_seconds=1, wall_seconds=PATIENCE))
    monkeypatch.setattr(encode_photo, "shared_decoders", lambda: decoders)
    command, *sentence = arguments
    photo = tmp_path / "endless.jpg"
    photo.write_bytes(endless_jpeg())
    home = ["--home", str(indexed_home.path)] if command == "similar" else []
    assert run([command, str(photo), *sentence, *home]) == Exit.FAILED
    decoders.close()
    assert "cannot be decoded within 1 second" in capsys.readouterr().err
