"""Files that other programs write oddly: decoded rightly, or refused with a reason."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.image_file import BadPixelLimit, UnreadablePhoto, decode_photo, read_header
from tests.captioner.dng_files import Tags, directory
from tests.captioner.picture_files import difference, reason, saved

SHARED = Path(os.environ.get("TELLSHOW_SHARED_DATA", ""), "faults", "formats")
needs_shared = pytest.mark.skipif(
    "TELLSHOW_SHARED_DATA" not in os.environ or not SHARED.is_dir(),
    reason="$TELLSHOW_SHARED_DATA names no folder with faults/formats",
)
END = b"\xff\xd9"
WIDTH, HEIGHT = 96, 64


def gradient(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Red grows to the right, green to the bottom, blue is what red is not."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_marker_is_whole(mode: str, progressive: bool) -> None:
    image = gradient().convert(mode)
    data = saved(image, "JPEG", quality=95, progressive=progressive)
    assert data.endswith(END)
    whole = decode_photo(data).image
    for lost in (1, 2):
        assert difference(data[:-lost], whole) == 0


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_scan_data_is_refused(mode: str, progressive: bool) -> None:
    image = gradient().convert(mode)
    data = saved(image, "JPEG", quality=95, progressive=progressive)
    for lost in (4, 20, len(data) // 3):
        assert "damaged" in reason(data[:-lost])


def test_a_progressive_jpeg_that_lacks_whole_scans_is_refused() -> None:
    data = saved(gradient(), "JPEG", quality=95, progressive=True)
    places = [place for place in range(len(data)) if data.startswith(b"\xff\xda", place)]
    assert len(places) > 3
    for place in places[1:]:
        assert "damaged" in reason(data[:place])


def test_bytes_behind_the_end_marker_do_no_harm() -> None:
    data = saved(gradient(), "JPEG", quality=95)
    assert difference(data + b"\0" * 100 + b"trailer", decode_photo(data).image) == 0


def test_jpegs_may_have_more_pixels_than_pictures_that_are_decoded_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = gradient()
    limit = image.width * image.height
    plain, progressive = (saved(image, "JPEG", progressive=each) for each in (False, True))
    monkeypatch.setenv("TELLSHOW_MAX_PIXELS", str(limit - 1))
    assert "more than the limit" in reason(saved(image, "PNG"))
    assert decode_photo(plain).width == decode_photo(progressive).width == image.width
    monkeypatch.setenv("TELLSHOW_MAX_PIXELS", str(limit // 3))
    assert "more than the limit" in reason(progressive)
    assert decode_photo(plain).width == image.width
    monkeypatch.setenv("TELLSHOW_MAX_PIXELS", str(limit // 9))
    assert "more than the limit" in reason(plain)


def test_a_jpeg_of_108_megapixels_is_decoded_at_a_reduced_scale() -> None:
    large = Image.new("L", (12000, 9000), 128)
    decoded = decode_photo(saved(large, "JPEG"))
    assert (decoded.width, decoded.height) == (12000, 9000)
    assert min(decoded.image.size) < 2048


@pytest.mark.parametrize("text", ["many", "-1", "0", "1e8", "²"])
def test_a_limit_that_is_no_number_is_said(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLSHOW_MAX_PIXELS", text)
    with pytest.raises(BadPixelLimit, match="whole number of pixels"):
        decode_photo(saved(gradient(), "PNG"))


def test_the_largest_page_of_a_tiff_is_the_photo() -> None:
    small, photo = Image.new("RGB", (12, 8), "red"), gradient()
    data = saved(small, "TIFF", save_all=True, append_images=[photo, photo.rotate(180), small])
    assert decode_photo(data).width == WIDTH
    assert difference(data, photo) == 0


def tiff(values: np.ndarray, photometric: int, *, deflate: bool = False, order: str = "<") -> bytes:
    """A TIFF of 16 bits; of values [3,H,W] with a plane for each colour."""
    planes = values if values.ndim == 3 else values[None]
    strips = [plane.astype(f"{order}u2").tobytes() for plane in planes]
    if deflate:
        steps = np.diff(planes.astype(np.uint16), axis=2, prepend=np.uint16(0)).astype(np.uint16)
        strips = [zlib.compress(plane.astype(f"{order}u2").tobytes()) for plane in steps]
    starts = [8 + sum(map(len, strips[:place])) for place in range(len(strips))]
    tags: Tags = {
        256: ("long", [values.shape[-1]]),
        257: ("long", [values.shape[-2]]),
        258: ("short", [16] * len(planes)),
        259: ("short", [8 if deflate else 1]),
        262: ("short", [photometric]),
        273: ("long", starts),
        277: ("short", [len(planes)]),
        278: ("long", [values.shape[-2]]),
        279: ("long", [len(strip) for strip in strips]),
        284: ("short", [2 if len(planes) > 1 else 1]),
        317: ("short", [2 if deflate else 1]),
    }
    pixels = b"".join(strips)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory(tags, 8 + len(pixels))


def planes() -> np.ndarray:
    return np.asarray(gradient(), dtype=np.uint16).transpose(2, 0, 1) * 257


@pytest.mark.parametrize("deflate", [False, True])
def test_a_tiff_with_planes_of_16_bits_is_decoded(deflate: bool) -> None:
    assert difference(tiff(planes(), 2, deflate=deflate), gradient()) < 1


def test_a_tiff_with_planes_that_cannot_be_decoded_is_refused() -> None:
    compressed = tiff(planes(), 2)
    without, by_lzw = (struct.pack("<HHIHH", 259, 3, 1, kind, 0) for kind in (1, 5))
    assert without in compressed
    assert "separate planes" in reason(compressed.replace(without, by_lzw))


def test_planes_that_are_cut_off_are_damage() -> None:
    data = tiff(planes(), 2, deflate=True)
    assert "damaged" in reason(data.replace(b"x\x9c", b"\0\0", 1))


def test_a_tiff_of_16_bits_may_mean_white_by_zero() -> None:
    grey = np.asarray(gradient().convert("L"), dtype=np.uint16) * 257
    assert difference(tiff(65535 - grey, 0), gradient().convert("L")) < 1
    assert difference(tiff(grey, 1), gradient().convert("L")) < 1


@pytest.mark.parametrize("bits", [10, 12])
def test_fewer_bits_in_16_are_not_dark(bits: int) -> None:
    grey = np.asarray(gradient().convert("L"), dtype=float)
    values = (grey / grey.max() * (2**bits - 1)).astype(np.uint16)
    expected = Image.fromarray((grey / grey.max() * 255).astype(np.uint8))
    assert difference(tiff(values, 1), expected) < 1.5


@pytest.mark.parametrize("form", ["WEBP", "PNG", "GIF"])
def test_an_animation_gives_its_first_frame_with_content(form: str) -> None:
    clear, photo = Image.new("RGBA", (WIDTH, HEIGHT)), gradient().convert("RGBA")
    more = [photo, photo.rotate(180)]
    options = {"lossless": True} if form == "WEBP" else {"disposal": 2}
    data = saved(clear, form, save_all=True, append_images=more, duration=100, **options)
    assert difference(data, gradient()) < 12  # a GIF has 256 colours


def test_a_picture_that_is_clear_all_over_is_white() -> None:
    data = saved(Image.new("RGBA", (WIDTH, HEIGHT)), "PNG")
    assert difference(data, Image.new("RGB", (WIDTH, HEIGHT), "white")) == 0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_tags_are_read_without_the_pixels(form: str) -> None:
    exif = Image.Exif()
    exif[271] = "Maker"
    exif, packet, iptc = read_header(saved(gradient(), form, exif=exif))
    assert (exif[271], packet, iptc) == ("Maker", b"", b"")


def test_tags_of_what_is_no_picture_are_refused() -> None:
    with pytest.raises(UnreadablePhoto, match="not a picture"):
        read_header(b"no picture at all")


@needs_shared
def test_every_odd_file_shows_the_expected_picture() -> None:
    with Image.open(SHARED / "expected.png") as image:
        expected = np.asarray(image.convert("RGB"), dtype=float)
    for file in sorted(SHARED.iterdir()):
        shown = np.asarray(decode_photo(file.read_bytes()).image, dtype=float)
        grey = np.repeat(expected[:, :, 1:2], 3, axis=2)
        wanted = grey if file.name.startswith("grey") else expected
        assert np.abs(shown - wanted).mean() < 3, file.name
