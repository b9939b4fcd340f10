"""Walking folders: every photo once, nothing hidden, no loop without end."""

import os
from pathlib import Path

import pytest

from indexer.ignore import InvalidPattern, root_rules
from indexer.walk import find_photos


def names(folder: Path, **options: object) -> list[bytes]:
    return sorted(file.path for file in find_photos(folder, **options))  # type: ignore[arg-type]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_photos_are_found_by_extension_at_any_depth(tmp_path: Path) -> None:
    for name in ("a.jpg", "b/c.HEIC", "b/d/e.Png", "notes.txt", "b/film.mp4", "jpg"):
        touch(tmp_path / name)
    assert names(tmp_path) == [b"a.jpg", b"b/c.HEIC", b"b/d/e.Png"]


def test_size_and_time_are_the_files(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg")
    os.utime(path, ns=(5, 1_234_567_890))
    (found,) = find_photos(tmp_path)
    assert (found.size, found.mtime_ns) == (1, 1_234_567_890)


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in (".a.jpg", ".trash/b.jpg", "._c.jpg", "d.jpg"):
        touch(tmp_path / name)
    assert names(tmp_path) == [b"d.jpg"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path / "folder" / "a.jpg")
    (tmp_path / "folder" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "missing")
    unlisted: list[bytes] = []
    found = names(tmp_path, unlisted=lambda path, error: unlisted.append(path))
    assert found == [b"folder/a.jpg"]
    assert unlisted in ([], [b"self.jpg"])


def test_a_linked_folder_is_entered_once_and_under_its_own_name_first(tmp_path: Path) -> None:
    touch(tmp_path / "photos" / "z" / "a.jpg")
    touch(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "photos" / "z")
    (tmp_path / "photos" / "outside").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "photos") == [b"outside/b.jpg", b"z/a.jpg"]


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    name = b"\xff\xfe na\xefve.jpg"
    try:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only text for names")
    assert names(tmp_path) == [name]


def test_what_is_not_a_regular_file_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert names(tmp_path) == []


def test_folders_to_skip_are_not_entered(tmp_path: Path) -> None:
    touch(tmp_path / "home" / "thumbnails" / "ab" / "abc.jpg")
    touch(tmp_path / "a.jpg")
    assert names(tmp_path, skip=[tmp_path / "home" / "thumbnails"]) == [b"a.jpg"]


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "closed" / "a.jpg")
    touch(tmp_path / "b.jpg")
    scan = os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    unlisted: list[bytes] = []
    assert names(tmp_path, unlisted=lambda path, error: unlisted.append(path)) == [b"b.jpg"]
    assert unlisted == [b"closed"]


JUNK = (
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "b/@eaDir/a.jpg", "#recycle/a.jpg", "#snapshot/a.jpg",
    "$RECYCLE.BIN/S-1-5-21/a.jpg", "$Recycle.Bin/a.jpg", "System Volume Information/a.jpg",
    ".Trash-1000/files/a.jpg", ".thumbnails/a.jpg", "lost+found/a.jpg", "__MACOSX/._a.jpg",
    "__MACOSX/a.jpg", "b/._a.jpg", "@Recycle/a.jpg", "Previews.lrdata/a.dng",
    "Photos.photoslibrary/resources/derivatives/a.jpg",
)  # fmt: skip


def test_junk_of_systems_is_left_out(tmp_path: Path) -> None:
    for name in (*JUNK, "a.jpg", "Photos.photoslibrary/originals/A/a.heic", "recycle/a.jpg"):
        touch(tmp_path / name)
    ignored: list[bytes] = []
    assert names(tmp_path, ignored=ignored.append) == [
        b"Photos.photoslibrary/originals/A/a.heic",
        b"a.jpg",
        b"recycle/a.jpg",
    ]
    assert b"b/@eaDir" in ignored


def test_folders_that_no_gallery_shall_show_are_left_out(tmp_path: Path) -> None:
    for name in ("a.jpg", "sent/.nomedia", "sent/b.jpg", "sent/deep/c.jpg"):
        touch(tmp_path / name)
    assert names(tmp_path) == [b"a.jpg"]
    # Whoever names such a folder means it.
    assert names(tmp_path / "sent") == [b"b.jpg", b"deep/c.jpg"]


def test_ignore_files_hold_for_their_folder_and_inner_ones_count_more(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "in/a.png", "in/keep.png", "in/raw/b.jpg", "out/raw/b.jpg"):
        touch(tmp_path / name)
    (tmp_path / ".tellshowignore").write_bytes(b"\xef\xbb\xbf# no screenshots\n*.png\n\n/out/\n!\n")
    (tmp_path / "in" / ".tellshowignore").write_text("!keep.png\nraw/\n")
    assert names(tmp_path) == [b"a.jpg", b"in/keep.png"]


def test_given_patterns_count_more_than_ignore_files(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "@eaDir/c.jpg"):
        touch(tmp_path / name)
    (tmp_path / ".tellshowignore").write_text("!b.jpg\n")
    rules = root_rules(["b.jpg", "!@eaDir/"])
    assert names(tmp_path, rules=rules) == [b"@eaDir/c.jpg", b"a.jpg"]


def test_nothing_is_known_of_a_folder_whose_ignore_file_cannot_be_read(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "in" / "b.jpg")
    (tmp_path / "in" / ".tellshowignore").mkdir()
    unlisted: list[bytes] = []
    found = names(tmp_path, unlisted=lambda path, error: unlisted.append(path))
    assert (found, unlisted) == ([b"a.jpg"], [b"in"])


def test_names_that_are_no_text_can_be_ignored(tmp_path: Path) -> None:
    for name in (b"\xff.jpg", b"\xfe.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (tmp_path / ".tellshowignore").write_bytes(b"\xff.jpg\n")
    assert names(tmp_path) == [b"\xfe.jpg"]


@pytest.mark.parametrize("pattern", ["", "   ", "# a comment", "!", "/", "[a"])
def test_a_pattern_that_covers_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="no pattern in gitignore's syntax"):
        root_rules([pattern])
