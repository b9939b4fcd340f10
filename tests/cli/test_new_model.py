"""Another captioner fills in beside the old one, and takes over when it is complete."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from captioner import checkpoint
from captioner.captioner import Captioner
from captioner.checkpoint import save_checkpoint
from captioner.network import load_network
from commands.common import model_reload
from commands.common.loading import open_engine
from tellshow import Exit, run
from tests.cli.command_process import wait_until
from web import create_app

Output = pytest.CaptureFixture[str]


def told(capsys: Output, *arguments: str) -> dict[str, object]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == Exit.DONE
    parsed: dict[str, object] = json.loads(capsys.readouterr().out)
    return parsed


def answering(capsys: Output, *home: str) -> tuple[str, list[tuple[str, int, bool]]]:
    status = told(capsys, "status", *home)
    models = [(each["name"], each["photos"], each["answers"]) for each in status["models"]]  # type: ignore[attr-defined]
    return str(status["model"]), models


@pytest.fixture
def other(captioner: Captioner, tmp_path: Path) -> Path:
    """A checkpoint with another name, hence of other bytes."""
    copy = load_network(device="cpu")
    copy.provenance.name = "other"
    save_checkpoint(copy, tmp_path / "other.safetensors")
    return tmp_path / "other.safetensors"


@pytest.fixture
def album(sample_photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    for name in ("one/cat.png", "two/coffee.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes((sample_photos / Path(name).name).read_bytes())
    return folder


def test_searches_stay_with_the_old_captioner_until_the_new_one_is_complete(
    captioner: Captioner, other: Path, album: Path, tmp_path: Path, capsys: Output
) -> None:
    home, shipped = ["--home", str(tmp_path / "home")], captioner.name
    one, two = str(album / "one"), str(album / "two")
    assert run(["index", one, two, *home]) == Exit.DONE
    assert run(["index", one, "--model", str(other), *home]) == Exit.DONE
    assert answering(capsys, *home) == (shipped, [(shipped, 2, True), ("other", 1, False)])
    assert len(told(capsys, "search", "a cat", *home)["results"]) == 2  # type: ignore[arg-type]
    assert run(["status", *home]) == Exit.DONE
    text = capsys.readouterr().out
    assert "2 of 2 photos described, answers searches" in text
    assert "other answers once it has described what the others have" in text
    assert run(["models", "--drop", shipped, *home]) == Exit.FAILED
    assert "answers searches" in capsys.readouterr().err

    assert run(["index", two, *home]) == Exit.DONE  # goes on with the one that was chosen
    assert answering(capsys, *home) == ("other", [(shipped, 2, False), ("other", 2, True)])
    assert len(told(capsys, "search", "a cat", *home)["results"]) == 2  # type: ignore[arg-type]

    dropped = told(capsys, "models", "--drop", captioner.sha256[:12], *home)
    assert dropped["dropped"] == {"name": shipped, "sha256": captioner.sha256, "photos": 2}
    assert answering(capsys, *home) == ("other", [("other", 2, True)])
    assert [path.name[:6] for path in (tmp_path / "home" / "models").iterdir()] != ["shippe"]
    assert run(["doctor", *home]) == Exit.DONE
    assert len(told(capsys, "search", "a cat", *home)["results"]) == 2  # type: ignore[arg-type]


def test_folder_that_holds_the_new_captioner_back_is_named_with_the_way_out(
    other: Path, album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    one, two = album / "one", album / "two"
    assert run(["index", str(one), str(two), *home]) == Exit.DONE
    assert "captioner" not in capsys.readouterr().err
    two.rename(tmp_path / "unplugged")
    assert run(["index", str(one), "--model", str(other), *home]) == Exit.DONE
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("the older captioner goes on answering, for it alone has described 1 ")
    assert f"photo in {two}: it cannot be reached" in line
    assert f"tellshow index {two}" in line
    assert run(["status", *home]) == Exit.DONE
    assert f"also on {two}, offline now" in capsys.readouterr().out

    two.mkdir()  # the way out that was told
    assert run(["index", str(two), *home]) == Exit.DONE
    assert f"run tellshow index {two}, with --prune" in capsys.readouterr().err
    assert run(["index", str(two), "--prune", *home]) == Exit.DONE
    assert "captioner" not in capsys.readouterr().err
    assert answering(capsys, *home)[0] == "other"


def test_later_release_answers_with_the_checkpoint_of_the_earlier_one(
    captioner: Captioner, other: Path, album: Path, tmp_path: Path, capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    monkeypatch.setattr(checkpoint, "DEFAULT_CHECKPOINT", other)
    monkeypatch.setattr(checkpoint, "DEFAULT_SHA256", sha256(other.read_bytes()).hexdigest())
    assert answering(capsys, *home) == (captioner.name, [(captioner.name, 2, True)])
    assert len(told(capsys, "search", "a cat", *home)["results"]) == 2  # type: ignore[arg-type]
    assert run(["index", str(album), *home]) == Exit.DONE
    assert answering(capsys, *home)[0] == "other"


def test_running_server_goes_over_to_the_new_captioner_when_it_is_complete(
    captioner: Captioner, other: Path, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    assert run(["index", str(album), "--home", str(home)]) == Exit.DONE
    monkeypatch.setattr(model_reload, "LOOK_AGAIN", 0.05)
    with open_engine(home, None, "cpu") as engine:
        app = create_app(engine)
        client = app.test_client()
        with model_reload.following(app, home, "cpu"):
            assert client.get("/api/v1/status").get_json()["model"] == captioner.name
            command = ["index", str(album), "--model", str(other), "--home", str(home)]
            assert run(command) == Exit.DONE
            wait_until(lambda: client.get("/api/v1/status").get_json()["model"] == "other")
        assert len(client.get("/api/v1/search?q=a+cat").get_json()["results"]) == 2


def test_checkpoint_that_cannot_be_read_gives_way_with_a_word(
    captioner: Captioner, other: Path, album: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(album), *home]) == Exit.DONE
    assert run(["index", str(album), "--model", str(other), *home]) == Exit.DONE
    for kept in (tmp_path / "home" / "models").glob("[!s]*.safetensors"):
        kept.write_bytes(b"damaged")
    capsys.readouterr()
    assert run(["search", "a cat", *home]) == Exit.DONE
    captured = capsys.readouterr()
    assert "other cannot answer" in captured.err
    assert "cat.png" in captured.out


@pytest.mark.parametrize("name", ["nothing", ""])
def test_model_that_is_not_there_cannot_be_dropped(
    name: str, tmp_path: Path, capsys: Output
) -> None:
    assert run(["models", "--drop", name, "--home", str(tmp_path)]) == Exit.FAILED
    assert "no captioner here" in capsys.readouterr().err
