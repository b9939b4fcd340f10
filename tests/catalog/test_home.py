"""Where a home is, and what happens where there can be none."""

import os
import stat
from pathlib import Path

import platformdirs
import pytest

from catalog.database import open_database
from catalog.home import HomeNotWritable, open_home


def test_named_folder_wins_over_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_HOME", str(tmp_path / "environment"))
    assert open_home(tmp_path / "named").path == tmp_path / "named"
    assert open_home().path == tmp_path / "environment"


def test_user_data_folder_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELLSHOW_HOME")
    assert str(open_home(create=False).path) == platformdirs.user_data_dir("tellshow", False)


def test_folders_are_made(tmp_path: Path) -> None:
    home = open_home(tmp_path / "deep" / "home")
    assert home.vectors.is_dir()
    assert home.thumbnails.is_dir()
    assert home.models.is_dir()
    assert list(home.path.glob("tmp*")) == []


def test_nothing_is_made_where_that_is_not_wanted(tmp_path: Path) -> None:
    assert not open_home(tmp_path / "home", create=False).path.exists()


def test_home_below_a_file_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HomeNotWritable, match=r"^The home .*file/home is not writable: .+\.$"):
        open_home(tmp_path / "file" / "home")


def test_thumbnails_are_spread_over_folders(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    assert home.thumbnail("abcdef") == tmp_path / "thumbnails" / "ab" / "abcdef.jpg"


def test_database_stands_in_the_home(tmp_path: Path) -> None:
    home = open_home(tmp_path / "we?ird %41 #home é")
    open_database(home).close()
    assert (home.path / "catalog.db").is_file()


def test_database_url_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", "postgresql+psycopg://someone@somewhere/photos")
    assert open_home(tmp_path).database_url == "postgresql+psycopg://someone@somewhere/photos"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_new_home_is_its_owners_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        home = open_home(tmp_path / "home")
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_folder_that_was_there_keeps_its_mode_as_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert stat.S_IMODE(open_home(tmp_path).path.stat().st_mode) == 0o750
