"""Thumbnails: small, upright, without EXIF, whole or absent."""

from pathlib import Path

import pytest
from PIL import Image

from catalog.home import Home
from catalog.sealed_thumbnails import is_whole
from catalog.thumbnails import FolderThumbnails
from indexer.thumbnails import make_thumbnail


def photo(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "red")
    image.getexif()[0x010F] = "Maker"
    return image


@pytest.mark.parametrize(
    ("size", "thumbnail"),
    [((1024, 600), (512, 300)), ((600, 1024), (300, 512)), ((100, 60), (100, 60)),
     ((20000, 3), (512, 1))],
)  # fmt: skip
def test_the_longer_side_is_512_at_most(
    home: Home, size: tuple[int, int], thumbnail: tuple[int, int]
) -> None:
    target = home.thumbnail("abc")
    FolderThumbnails(home).add("abc", make_thumbnail(photo(*size)))
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert image.size == thumbnail
        assert not image.getexif()
    assert is_whole(target)
    other = target.replace(target.with_name("abd.jpg"))
    assert not is_whole(other)


def test_a_thumbnail_that_cannot_be_written_leaves_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        FolderThumbnails(home).add("abc", b"thumbnail")
    assert not list(home.thumbnails.iterdir())
