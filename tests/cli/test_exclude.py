"""`tellshow index --exclude` and the limit on pixels: what is wrong is said before any work."""

from pathlib import Path

import pytest

from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("pattern", ["!", "", "# a comment"])
def test_a_pattern_that_is_none_is_wrong_usage(pattern: str, album: Path, capsys: Output) -> None:
    assert run(["index", str(album), "--exclude", pattern]) == Exit.USAGE
    assert "no pattern in gitignore's syntax" in capsys.readouterr().err


def test_a_pattern_holds_and_is_forgotten_on_demand(
    album: Path, tmp_path: Path, capsys: Output
) -> None:
    index = ["index", str(album), "--home", str(tmp_path / "home")]
    for options, counts in (
        (["--exclude", "*.jpg"], "1 indexed, 0 unchanged"),
        ([], "0 indexed, 1 unchanged"),
        (["--forget-excluded"], "1 indexed, 1 unchanged"),
        (["--exclude", "rocket.*"], "0 indexed, 1 unchanged, 0 moved, 0 duplicates, 1 removed"),
    ):
        assert run([*index, *options]) == Exit.DONE
        assert counts in capsys.readouterr().out


def test_a_limit_on_pixels_that_is_none_is_said(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("TELLSHOW_MAX_PIXELS", "a lot")
    assert run(["index", str(album), "--home", str(tmp_path / "home")]) == Exit.FAILED
    assert "$TELLSHOW_MAX_PIXELS is 'a lot'" in capsys.readouterr().err
