"""`tellshow index --image-embedder`: what it takes, what searches do with it, and without it."""

import json
import shutil
from pathlib import Path

import pytest

from captioner.embedder import SentenceEmbedder
from commands.common import model_reload
from commands.common.loading import open_engine
from tellshow import Exit, run
from tests.cli.command_process import wait_until
from tests.tiny_clip import make_tiny_clip
from web import create_app

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("models") / "clip")


@pytest.fixture
def own_clip(clip: Path, tmp_path: Path) -> Path:
    """A model's folder that a test may change."""
    return Path(shutil.copytree(clip, tmp_path / "own-clip"))


@pytest.fixture
def home(tmp_path: Path) -> list[str]:  # type: ignore[override]
    return ["--home", str(tmp_path / "home")]


def told(capsys: Output, *arguments: str) -> tuple[dict[str, object], str]:
    """The JSON that a command prints, and what it says on stderr."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == Exit.DONE
    output = capsys.readouterr()
    parsed: dict[str, object] = json.loads(output.out)
    return parsed, output.err


def results(answer: dict[str, object]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = answer["results"]  # type: ignore[assignment]
    return found


def test_searches_use_it_from_then_on(
    album: Path, home: list[str], own_clip: Path, capsys: Output
) -> None:
    plain, _ = told(capsys, "index", str(album), *home)
    before, _ = told(capsys, "search", "a cat", *home)
    status, _ = told(capsys, "status", *home)
    assert not any("image_similarity" in result for result in results(before))
    assert not {"image_embedder", "calibrations"} & set(status)

    report, _ = told(capsys, "index", str(album), "--image-embedder", str(own_clip), *home)
    assert (report["indexed"], report["unchanged"]) == (0, plain["indexed"])
    after, said = told(capsys, "search", "a cat", *home)
    assert said == ""
    assert [result["image_similarity"] for result in results(after)] != [0, 0]
    assert {result["score"] for result in results(after)}.isdisjoint(
        {result["score"] for result in results(before)}
    )
    assert run(["search", "a cat", "--explain", *home]) == Exit.DONE
    assert "image similarity" in capsys.readouterr().out
    status, _ = told(capsys, "status", *home)
    embedder = status["image_embedder"]
    assert (embedder["name"], embedder["folder"], embedder["vectors"]) == (  # type: ignore[index]
        "own-clip", str(own_clip), 2,
    )  # fmt: skip
    assert run(["status", *home]) == Exit.DONE
    assert "image embedder own-clip" in capsys.readouterr().out
    assert run(["doctor", *home]) == Exit.DONE

    shutil.copy(album / "cat.png", album / "another.png")
    (album / "another.png").write_bytes((album / "cat.png").read_bytes() + b"\0")
    told(capsys, "index", str(album), *home)  # goes on with it, unasked
    status, _ = told(capsys, "status", *home)
    assert status["image_embedder"]["vectors"] == 3  # type: ignore[index]

    told(capsys, "index", str(album), "--image-embedder", "none", *home)
    (album / "another.png").unlink()
    told(capsys, "index", str(album), *home)
    assert results(told(capsys, "search", "a cat", *home)[0]) == results(before)
    assert run(["doctor", *home]) == Exit.DONE


@pytest.mark.parametrize("change", ["gone", "other", "damaged"])
def test_search_without_its_model_goes_on_and_says_so(
    album: Path, home: list[str], own_clip: Path, capsys: Output, change: str
) -> None:
    told(capsys, "index", str(album), *home)
    before, _ = told(capsys, "search", "a cat", *home)
    told(capsys, "index", str(album), "--image-embedder", str(own_clip), *home)
    if change == "damaged":
        (own_clip / "config.json").write_bytes(b"{")
    else:
        shutil.rmtree(own_clip)
    if change == "other":
        make_tiny_clip(own_clip, seed=1)
    after, said = told(capsys, "search", "a cat", *home)
    assert results(after) == results(before)
    (line,) = said.strip().splitlines()
    assert line.startswith("the image embedder own-clip takes no part: ")
    assert "tellshow index --image-embedder FOLDER" in line
    report, said = told(capsys, "index", str(album), *home)
    assert report["unchanged"] == 2
    assert "takes no part" in said


def test_model_that_moved_keeps_its_vectors(
    album: Path, home: list[str], own_clip: Path, capsys: Output, tmp_path: Path
) -> None:
    told(capsys, "index", str(album), "--image-embedder", str(own_clip), *home)
    before, _ = told(capsys, "search", "a cat", *home)
    moved = own_clip.rename(tmp_path / "elsewhere")
    told(capsys, "index", str(album), "--image-embedder", str(moved), *home)
    after, said = told(capsys, "search", "a cat", *home)
    assert (results(after), said) == (results(before), "")


def test_evaluate_measures_beside_it(
    sample_photos: Path, clip: Path, tmp_path: Path, capsys: Output
) -> None:
    captions = tmp_path / "captions.tsv"
    captions.write_text("image\tcaption\ncat.png\ta cat\ncoffee.png\ta cup\n")
    arguments = ["evaluate", "--captions", str(captions), "--images", str(sample_photos)]
    alone, _ = told(capsys, *arguments)
    beside, _ = told(capsys, *arguments, "--image-embedder", str(clip))
    assert "image_embedder" not in alone
    assert beside["image_embedder"] == "clip"
    assert beside["captions"] == alone["captions"]
    assert run([*arguments, "--image-embedder", str(clip)]) == Exit.DONE
    assert "2 queries over 2 photos, beside clip" in capsys.readouterr().out
    assert run([*arguments, "--image-embedder", str(tmp_path)]) == Exit.FAILED
    assert "no folder with a model" in capsys.readouterr().err
    assert run([*arguments, "--download"]) == Exit.USAGE


def test_what_is_no_image_embedder_is_refused_in_a_sentence(
    album: Path, home: list[str], embedder: SentenceEmbedder, capsys: Output
) -> None:
    for given, reason in (
        ("clip-ViT-B-32", "no folder with a model"),
        (str(album), "no folder with a model"),
        (str(embedder.folder), "does not embed pictures"),
    ):
        assert run(["index", str(album), "--image-embedder", given, *home]) == Exit.FAILED
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("tellshow: ")
        assert reason in line
    status, _ = told(capsys, "status", *home)
    assert "image_embedder" not in status


def test_network_is_used_only_when_asked(album: Path, home: list[str], capsys: Output) -> None:
    named = ["--image-embedder", "clip-ViT-B-32"]
    assert run(["index", str(album), *named, "--download", *home]) == Exit.FAILED
    assert "cannot be fetched" in capsys.readouterr().err  # the tests are kept off the network
    assert run(["index", str(album), "--download", *home]) == Exit.USAGE
    assert "what --image-embedder names" in capsys.readouterr().err


def test_running_server_begins_to_use_it_and_leaves_off(
    album: Path, home: list[str], own_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(home[1])
    assert run(["index", str(album), *home]) == Exit.DONE
    monkeypatch.setattr(model_reload, "LOOK_AGAIN", 0.05)
    with open_engine(folder, None, "cpu", finding=True) as engine:
        app = create_app(engine)
        client = app.test_client()

        def uses_it() -> bool:
            answer = client.get("/api/v1/search?q=a+cat").get_json()
            return "image_similarity" in answer["results"][0]

        assert not uses_it()
        with model_reload.following(app, folder, "cpu"):
            given = ["--image-embedder", str(own_clip)]
            assert run(["index", str(album), *given, *home]) == Exit.DONE
            wait_until(uses_it)
            assert client.get("/api/v1/status").get_json()["image_embedder"]["vectors"] == 2
            assert run(["index", str(album), "--image-embedder", "none", *home]) == Exit.DONE
            wait_until(lambda: not uses_it())
