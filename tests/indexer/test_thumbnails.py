"""Thumbnails: small, upright, without EXIF, whole or absent."""

from pathlib import Path

import pytest
from PIL import Image

from catalog.sealed_thumbnails import is_whole
from indexer.thumbnails import make_thumbnail, write_thumbnail


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
    tmp_path: Path, size: tuple[int, int], thumbnail: tuple[int, int]
) -> None:
    target = tmp_path / "ab" / "abc.jpg"
    write_thumbnail(make_thumbnail(photo(*size)), target, tmp_path)
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert image.size == thumbnail
        assert not image.getexif()
    assert is_whole(target)
    other = target.replace(target.with_name("abd.jpg"))
    assert not is_whole(other)


def test_a_thumbnail_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_thumbnail(b"thumbnail", tmp_path / "a.jpg", tmp_path)
    assert not list(tmp_path.iterdir())
