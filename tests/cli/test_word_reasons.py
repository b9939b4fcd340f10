"""Commands that say why, compare, turn the question round and complete it."""

import json
import re
from pathlib import Path

import pytest

from catalog.home import Home
from search.calibration import percentage
from tellshow import Exit, run
from tests.indexer.annotated_photos import annotated, write_sidecar

Output = pytest.CaptureFixture[str]


def _json(output: Output) -> dict[str, object]:
    read: dict[str, object] = json.loads(output.readouterr().out)
    return read


def _home(home: Home) -> list[str]:
    return ["--home", str(home.path)]


def test_search_says_where_it_looked_for_each_word(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "a cat looks", "-k", "1", "--explain", *_home(indexed_home)]
    assert run(arguments) == Exit.DONE
    first, *below = capsys.readouterr().out.splitlines()
    details, *lines = [line for line in below if not line.strip().startswith("perhaps: ")]
    assert re.match(r" {2}1 {2}[ <>\d]{2}\d% {2}/", first)
    assert re.fullmatch(
        r" +score -?\d+\.\d\d, log-likelihood -\d+\.\d\d, evidence -?\d+\.\d\d, "
        r"similarity -?\d\.\d\d",
        details,
    )
    assert [line.split()[0] for line in lines] == ["a", "cat", "looks"]
    assert all(line.endswith(("%", "all over", "as a whole", "nowhere")) for line in lines)
    assert run([*arguments, "--json"]) == Exit.DONE
    words = _json(capsys)["results"][0]["words"]  # type: ignore[index]
    assert [len(row) for row in words[1]["map"]] == [7] * 7


def test_search_shows_the_probability_and_no_score(indexed_home: Home, capsys: Output) -> None:
    arguments = ["search", "a cat looks", *_home(indexed_home)]
    assert run([*arguments, "--json"]) == Exit.DONE
    results: list[dict[str, object]] = _json(capsys)["results"]  # type: ignore[assignment]
    assert run(arguments) == Exit.DONE
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:3].strip()]
    for line, result in zip(lines, results, strict=True):
        shown = percentage(float(str(result["probability"])))
        assert line.split()[1] == shown
        assert line.endswith("  (weak)") == result["weak"]


def test_search_says_which_words_a_photo_is_named_by(indexed_home: Home, capsys: Output) -> None:
    assert run(["search", "a cat looks", *_home(indexed_home)]) == Exit.DONE
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.endswith("cat.png  (named cat)")
    assert not any("(named" in line for line in lines)


def test_search_excludes_and_compares(indexed_home: Home, capsys: Output) -> None:
    def first(*options: str) -> str:
        arguments = ["search", "a photo", "-k", "50", "--json", *options, *_home(indexed_home)]
        assert run(arguments) == Exit.DONE
        names = [Path(each["path"]).name for each in _json(capsys)["results"]]  # type: ignore[attr-defined]
        return min(("grass.png", "cat.png"), key=names.index)

    cat, grass = "a cat", "grass in a field"
    assert first("--not", cat) == first("--rather-than", cat) == "grass.png"
    assert first("--not", "a man", "--not", grass) == first("--rather-than", grass) == "cat.png"


def test_unknown_words_of_an_exclusion_are_named(indexed_home: Home, capsys: Output) -> None:
    assert run(["search", "a cat", "--not", "qzxv", *_home(indexed_home)]) == Exit.DONE
    assert "never learned the word 'qzxv'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "a cat", "--not", "?!"],
        ["search", "a cat", "--rather-than", "dog^11"],
        ["search", "a cat^11"],
        ["score", "absent.jpg", "?!"],
        ["explain", "absent.jpg", "?!"],
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(arguments: list[str], capsys: Output) -> None:
    assert run(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err.startswith("tellshow: ")
    assert captured.out == ""


def test_explain_names_the_costliest_word_of_any_photo(sample_photos: Path, capsys: Output) -> None:
    arguments = ["explain", str(sample_photos / "photographer.png"), "a man on a surfboard"]
    assert run(arguments) == Exit.DONE
    assert "without 'surfboard': evidence " in capsys.readouterr().out
    assert run([*arguments, "--json"]) == Exit.DONE
    told = _json(capsys)
    assert list(told) == [
        "path", "query", "unknown_words", "nearest_words", "log_likelihood", "evidence", "words",
        "costliest",
    ]  # fmt: skip
    assert told["costliest"]["word"] == "surfboard"  # type: ignore[index]


def test_explain_of_unknown_words_names_them(sample_photos: Path, capsys: Output) -> None:
    assert run(["explain", str(sample_photos / "cat.png"), "qzxv"]) == Exit.DONE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "never learned the word 'qzxv'" in captured.err


def test_score_puts_the_sentence_about_the_photo_first(sample_photos: Path, capsys: Output) -> None:
    arguments = ["score", str(sample_photos / "cat.png"), "a cup of coffee", "a cat"]
    assert run([*arguments, "--json"]) == Exit.DONE
    told = _json(capsys)["sentences"]
    assert [each["sentence"] for each in told] == ["a cat", "a cup of coffee"]  # type: ignore[attr-defined]
    assert set(told[0]) == {  # type: ignore[index]
        "sentence", "log_likelihood", "evidence", "words", "unknown_words", "nearest_words",
    }  # fmt: skip
    assert run(arguments) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("  a cat")
    assert lines[2].endswith("  a cup of coffee")


def test_score_of_unknown_words_alone_fails(sample_photos: Path, capsys: Output) -> None:
    assert run(["score", str(sample_photos / "cat.png"), "a cat", "qzxv"]) == Exit.FAILED
    assert "learned no word of 'qzxv'" in capsys.readouterr().err


def test_complete_continues_what_was_typed(indexed_home: Home, capsys: Output) -> None:
    arguments = ["complete", "a man in a ", "-k", "3", *_home(indexed_home)]
    assert run(arguments) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all("%  a man in a " in line for line in lines)
    assert run([*arguments, "--json"]) == Exit.DONE
    told = _json(capsys)
    assert list(told) == ["query", "unknown_words", "nearest_words", "completions"]
    assert len(told["completions"]) == 3  # type: ignore[arg-type]


def test_search_filters_by_keyword_and_rating_and_says_what_people_wrote(
    sample_photos: Path, tmp_path: Path, capsys: Output
) -> None:
    album, home = tmp_path / "album", ["--home", str(tmp_path / "home")]
    album.mkdir()
    for name in ("cat.png", "coins.png"):
        (album / name).write_bytes((sample_photos / name).read_bytes())
    write_sidecar(album / "coins.png", annotated(["qwertzuiop"], rating=4))
    assert run(["index", str(album), *home]) == Exit.DONE
    capsys.readouterr()
    assert run(["search", "a cat qwertzuiop", *home]) == Exit.DONE
    said = capsys.readouterr()
    assert said.out.splitlines()[0].endswith("coins.png  (keyword qwertzuiop)")
    assert "photos with it among what people wrote of them come first" in said.err
    for options in (["--keyword", "qwertzuiop"], ["--rating", "4"]):
        assert run(["search", "a cat", "--json", *options, *home]) == Exit.DONE
        results: list[dict[str, str]] = _json(capsys)["results"]  # type: ignore[assignment]
        assert [Path(each["path"]).name for each in results] == ["coins.png"]
    assert run(["search", "a cat", "--rating", "six", *home]) == Exit.USAGE
    assert "rating must be a whole number from -1 to 5" in capsys.readouterr().err
