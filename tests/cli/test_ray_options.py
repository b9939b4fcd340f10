"""`tellshow index --engine ray` before any Ray is started: what is asked for has to make sense."""

from pathlib import Path

import pytest

from indexer import ray_engine
from tellshow import Exit, run

Output = pytest.CaptureFixture[str]


def test_ray_that_is_not_installed_is_named_with_what_to_install(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(ray_engine, "has_ray", lambda: False)
    home = tmp_path / "home"
    assert run(["index", str(album), "--engine", "ray", "--home", str(home)]) == Exit.USAGE
    assert "run pip install 'tellshow[ray]'" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    "option", [("--ray-address", "auto"), ("--workers", "2"), ("--worker-gpus", "0.5")]
)
def test_options_of_ray_are_refused_without_it(
    album: Path, option: tuple[str, str], capsys: Output
) -> None:
    assert run(["index", str(album), *option]) == Exit.USAGE
    assert "belong to --engine ray" in capsys.readouterr().err
