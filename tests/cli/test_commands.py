"""The commands at work: results on stdout, everything else on stderr."""

import json
from pathlib import Path

import pytest
import torch
import torchvision  # type: ignore[import-untyped]
from safetensors.torch import save_file

from captioner.captioner import Captioner
from captioner.checkpoint import DEFAULT_CHECKPOINT, read_checkpoint
from catalog.home import Home
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


def _json(output: Output) -> dict[str, object]:
    read: dict[str, object] = json.loads(output.readouterr().out)
    return read


def test_index_search_and_status_from_nothing(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    home = ["--home", str(tmp_path / "home")]
    (tmp_path / "album").mkdir()
    for name in ("cat.png", "coffee.png", "rocket.jpg"):
        (tmp_path / "album" / name).write_bytes((sample_photos / name).read_bytes())
    (tmp_path / "album" / "notes.jpg").write_text("no picture")
    assert run(["index", str(tmp_path / "album"), "--json", *home]) == Exit.DONE
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["indexed"] == 3
    assert [Path(each["path"]).name for each in report["skipped"]] == ["notes.jpg"]
    assert "notes.jpg" in captured.err

    assert run(["index", str(tmp_path / "album"), "--json", *home]) == Exit.DONE
    report = _json(capsys)
    assert (report["indexed"], report["unchanged"]) == (0, 3)

    assert run(["search", "a cat", "--json", *home]) == Exit.DONE
    answer = _json(capsys)
    assert set(answer) >= {"query", "unknown_words", "took_ms", "candidates", "results"}
    first = answer["results"][0]  # type: ignore[index]
    assert Path(first["path"]).name == "cat.png"
    assert set(first) == {
        "photo_id", "path", "caption", "caption_probability", "score", "log_likelihood", "evidence",
        "similarity", "words", "matched", "probability", "weak",
    }  # fmt: skip

    assert run(["status", "--json", *home]) == Exit.DONE
    status = _json(capsys)
    assert (status["photos"], status["failures"], status["vectors"]) == (3, 1, 6)

    assert run(["rebuild", *home]) == Exit.DONE
    assert "6 vectors" in capsys.readouterr().out


def test_search_explains_itself_in_the_terminal(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "a bloke with a camera", "-k", "1", "--home", str(indexed_home.path)]
    assert run(arguments) == Exit.DONE
    captured = capsys.readouterr()
    assert "photographer.png" in captured.out
    assert "never learned the word 'bloke'" in captured.err


def test_search_shows_only_what_the_filters_let_pass(
    indexed_home: Home, sample_photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    home = ["--home", str(indexed_home.path)]

    def found(*options: str) -> set[str]:
        assert run(["search", "a cat", "-k", "50", "--json", *options, *home]) == Exit.DONE
        return {Path(each["path"]).name for each in _json(capsys)["results"]}  # type: ignore[attr-defined]

    monkeypatch.chdir(sample_photos.parent)
    everything = found()
    assert len(everything) == 12
    assert found("--in", str(sample_photos)) == found("--in", "photos/") == everything
    assert found("--in", "elsewhere") == found("--camera", "no such camera") == set()
    assert found("--format", "jpg") == {name for name in everything if name.endswith(".jpg")}
    wide, tall, square = (
        found("--orientation", kind) for kind in ("landscape", "portrait", "square")
    )
    assert wide | tall | square == everything
    assert len(wide) + len(tall) + len(square) == 12
    dated, early = found("--after", "1900-01-01"), found("--before", "1900-01-01")
    assert (early, dated) == (set(), everything)  # by the time of their files


def test_a_search_that_no_photo_passes_says_so(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "a cat", "--camera", "none", "--home", str(indexed_home.path)]
    assert run(arguments) == Exit.DONE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no photo passes the filters" in captured.err


def test_search_finds_a_file_by_its_name(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "galaxies.jpg", "-k", "1", "--json"]
    assert run([*arguments, "--home", str(indexed_home.path)]) == Exit.DONE
    first = _json(capsys)["results"][0]  # type: ignore[index]
    assert Path(first["path"]).name == "galaxies.jpg"
    assert first["matched"] == ["galaxies", "jpg"]


def test_an_unknown_word_in_a_path_is_said_to_lift_its_photos(
    indexed_home: Home, capsys: Output
) -> None:
    assert run(["search", "galaxies qzxv", "--home", str(indexed_home.path)]) == Exit.DONE
    found, missing = capsys.readouterr().err.splitlines()
    assert "'galaxies'" in found
    assert found.endswith("photos with it in their path come first")
    assert missing.endswith("left out of the likelihood")


def test_caption_and_score_store_nothing(sample_photos: Path, capsys: Output) -> None:
    cat = str(sample_photos / "cat.png")
    assert run(["caption", cat, "--json"]) == Exit.DONE
    captions = _json(capsys)["photos"][0]["captions"]  # type: ignore[index]
    assert captions[0]["text"]
    assert run(["score", cat, "a cat", "a cup of coffee", "--json"]) == Exit.DONE
    told = _json(capsys)["sentences"]
    assert told[0]["evidence"] > told[1]["evidence"]  # type: ignore[index]
    assert run(["score", cat, captions[0]["text"], "--json"]) == Exit.DONE
    again = _json(capsys)["sentences"][0]["log_likelihood"]  # type: ignore[index]
    assert again == pytest.approx(captions[0]["log_likelihood"], abs=0.1)


def test_similar_finds_the_photo_itself_first(
    sample_photos: Path, indexed_home: Home, capsys: Output
) -> None:
    arguments = ["similar", str(sample_photos / "coffee.png"), "--json"]
    assert run([*arguments, "--home", str(indexed_home.path)]) == Exit.DONE
    results = _json(capsys)["results"]
    assert Path(results[0]["path"]).name == "coffee.png"  # type: ignore[index]


def test_models_lists_the_shipped_checkpoint(indexed_home: Home, capsys: Output) -> None:
    assert run(["models", "--home", str(indexed_home.path)]) == Exit.DONE
    assert DEFAULT_CHECKPOINT.stem in capsys.readouterr().out


def test_evaluate_measures_a_tsv_in_a_home_of_its_own(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    captions = tmp_path / "captions.tsv"
    captions.write_text(
        "image\tcaption\nphotographer.png\ta man with a camera\nastronaut.png\tan orange suit\n"
    )
    arguments = ["evaluate", "--captions", str(captions), "--images", str(sample_photos)]
    assert run([*arguments, "--json"]) == Exit.DONE
    result = _json(capsys)
    assert (result["photos"], result["queries"]) == (2, 2)
    assert set(result["text_to_image"]) == {"retrieve", "likelihood", "combined"}  # type: ignore[call-overload]
    assert result["text_to_image"]["combined"]["r1"] == 100  # type: ignore[index]


def test_training_writes_a_checkpoint_that_indexes_and_searches(
    sample_photos: Path, captioner: Captioner, tmp_path: Path, capsys: Output
) -> None:
    torch.manual_seed(0)
    weights = torchvision.models.get_model("mobilenet_v3_small").state_dict()
    save_file(weights, tmp_path / "backbone.safetensors")
    captions, model = tmp_path / "captions.tsv", tmp_path / "mine.safetensors"
    captions.write_text("image\tcaption\ncat.png\ta cat\ncoffee.png\ta cup\nrocket.jpg\ta rocket\n")
    data = ["--captions", str(captions), "--images", str(sample_photos)]
    arguments = ["train", *data, "--dev-captions", str(captions), "--output", str(model)]
    arguments += ["--backbone", "mobilenet_v3_small"]
    arguments += ["--backbone-weights", str(tmp_path / "backbone.safetensors")]
    arguments += ["--likelihood-epochs", "1", "--contrastive-epochs", "1", "--views", "1"]
    assert run([*arguments, "--min-word-count", "1", "--json"]) == Exit.DONE
    assert _json(capsys)["photos"] == 3
    assert read_checkpoint(model).config.state_bits == 4
    assert run([*arguments, "--unlabelled", str(sample_photos)]) == Exit.USAGE
    assert "needs a --teacher" in capsys.readouterr().err

    home = ["--home", str(tmp_path / "home")]
    assert run(["index", str(sample_photos), "--model", str(model), *home]) == Exit.DONE
    capsys.readouterr()
    assert run(["search", "a cat", "--json", *home]) == Exit.DONE  # finds its model by itself
    assert len(_json(capsys)["results"]) == 10  # type: ignore[arg-type]
    assert run(["models", *home]) == Exit.DONE
    assert "mine" in capsys.readouterr().out


def test_doctor_says_what_is_wrong_and_index_does_what_it_left(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    home, album = tmp_path / "home", tmp_path / "album"
    album.mkdir()
    (album / "cat.png").write_bytes((sample_photos / "cat.png").read_bytes())
    options = ["--home", str(home)]
    assert run(["index", str(album), *options]) == Exit.DONE
    assert run(["doctor", *options]) == Exit.DONE
    assert capsys.readouterr().out.endswith("all is well\n")

    [thumbnail] = home.glob("thumbnails/*/*.jpg")
    thumbnail.unlink()
    next(home.glob("vectors/*-visual")).joinpath("next.tmp").touch()
    assert run(["doctor", "--dry-run", "--json", *options]) == Exit.FAILED
    told = _json(capsys)
    assert not told["well"]
    assert [each["mended"] for each in told["findings"]] == [False, False]  # type: ignore[attr-defined]
    assert run(["doctor", *options]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "1 files in the home that belong to nothing: mended" in captured.out
    assert (
        "1 photos whose thumbnail is missing or damaged: run tellshow index on their folders"
        in captured.out
    )
    assert "some of this is left to do" in captured.err

    assert run(["index", str(album), *options]) == Exit.DONE
    assert thumbnail.is_file()
    assert run(["doctor", *options]) == Exit.DONE
