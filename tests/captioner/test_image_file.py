"""Decoding: every format upright and in RGB, everything else refused with a reason."""

import contextlib
import random
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageDraw

from captioner import image_file
from captioner.image_file import (
    UnreadablePhoto,
    decode_photo,
    to_pixels,
    to_tensor,
)
from tests.captioner.picture_files import difference, reason, saved

SHARED_PHOTOS = Path(__file__).parents[3] / "shared" / "photos"

# What a viewer does to show a picture that was stored with this orientation, undone.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(width: int = 120, height: int = 80) -> Image.Image:
    """Red at the top left, green at the top right, blue at the bottom left, grey elsewhere."""
    image = Image.new("RGB", (width, height), "gray")
    draw = ImageDraw.Draw(image)
    half = width // 2, height // 2
    draw.rectangle((0, 0, half[0] - 1, half[1] - 1), "red")
    draw.rectangle((half[0], 0, width, half[1] - 1), "lime")
    draw.rectangle((0, half[1], half[0] - 1, height), "blue")
    return image


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "PPM", "JPEG2000"]
)
def test_every_format_gives_the_picture_in_rgb(form: str) -> None:
    decoded = decode_photo(saved(picture(), form))
    assert decoded.image.mode == "RGB"
    assert (decoded.width, decoded.height) == decoded.image.size == (120, 80)
    assert decoded.format == form
    assert difference(saved(picture(), form), picture()) < 4


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_give_the_same_upright_tensor(form: str, orientation: int) -> None:
    undo = STORED[orientation]
    stored = picture() if undo is None else picture().transpose(undo)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    decoded = decode_photo(saved(stored, form, exif=exif))
    upright = decode_photo(saved(picture(), form))
    assert (decoded.width, decoded.height) == (120, 80)
    apart = to_tensor(decoded).float() - to_tensor(upright).float()
    assert apart.abs().mean() < 2


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    assert difference(saved(picture(), "PNG", exif=exif), picture()) < 1


@pytest.mark.parametrize("channels", [3, 1, 4])
def test_sixteen_bits_keep_their_colours(channels: int) -> None:
    colour = (50000, 25000, 12500, 65535)[:channels]
    kind = {1: 0, 3: 2, 4: 6}[channels]
    row = b"\0" + struct.pack(f">{channels}H", *colour) * 20
    header = struct.pack(">IIBBBBB", 20, 10, 16, kind, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(row * 10)), (b"IEND", b"")
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    expected = [value // 257 for value in (colour * 3 if channels == 1 else colour)[:3]]
    assert decode_photo(data).image.getpixel((5, 5)) == pytest.approx(expected, abs=1)


def test_broken_exif_does_not_lose_the_picture() -> None:
    rubbish = b"Exif\0\0" + random.Random(0).randbytes(300)
    assert difference(saved(picture(), "JPEG", exif=rubbish), picture()) < 4
    cut = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12"
    assert difference(saved(picture(), "JPEG", exif=cut), picture()) < 4


def test_a_broken_colour_profile_does_not_lose_the_picture() -> None:
    assert difference(saved(picture(), "PNG", icc_profile=b"no profile" * 20), picture()) < 1


def colour_profile(space: bytes) -> bytes:
    """An ICC profile whose values are light itself (gamma 1), in sRGB's colours or in grey."""

    def place(*xyz: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in xyz))

    curve = b"curv" + bytes(8)  # no entry: a straight line
    white = place(0.9642, 1, 0.8249)
    colours = (
        place(0.4361, 0.2225, 0.0139),
        place(0.3851, 0.7169, 0.0971),
        place(0.1431, 0.0606, 0.7141),
    )
    tags = {b"wtpt": white, b"kTRC": curve}
    if space == b"RGB ":
        names = (b"rXYZ", b"gXYZ", b"bXYZ")
        tags = {b"wtpt": white, **dict(zip(names, colours, strict=True))}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    start = 128 + 4 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        index += struct.pack(">4sII", name, start + len(body), len(value))
        body += value
    head = struct.pack(">I4x4s", start + len(body), b"\x02\x40\0\0") + b"mntr" + space + b"XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + white[8:] + bytes(48)
    return head + index + body


@pytest.mark.parametrize(
    ("space", "mode", "form"),
    [
        (b"RGB ", "RGB", "PNG"),
        (b"RGB ", "RGB", "JPEG"),
        (b"RGB ", "RGBA", "PNG"),
        (b"RGB ", "P", "PNG"),
        (b"RGB ", "RGB", "WEBP"),
        (b"RGB ", "RGB", "AVIF"),
        (b"RGB ", "RGB", "HEIF"),
        (b"RGB ", "RGB", "TIFF"),
        (b"GRAY", "L", "PNG"),
        (b"GRAY", "L", "JPEG"),
        (b"GRAY", "LA", "PNG"),
    ],
)
def test_colours_by_a_profile_become_srgb(space: bytes, mode: str, form: str) -> None:
    grey = Image.new("RGB", (40, 30), (55, 55, 55))
    image = grey.quantize(2) if mode == "P" else grey.convert(mode)
    data = saved(image, form, icc_profile=colour_profile(space))
    shown = decode_photo(data).image.getpixel((20, 15))
    assert shown == pytest.approx((128, 128, 128), abs=3)


def test_a_profile_for_other_colours_than_the_pictures_is_ignored() -> None:
    data = saved(picture(), "PNG", icc_profile=colour_profile(b"CMYK"))
    assert difference(data, picture()) < 1


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = picture().convert(mode)
    assert difference(saved(image, "PNG"), image.convert("RGB")) < 1


def test_cmyk_becomes_rgb() -> None:
    assert difference(saved(picture().convert("CMYK"), "JPEG"), picture()) < 4


@pytest.mark.parametrize(("mode", "white"), [("I;16", 65535), ("I", 65535), ("F", 1.0)])
def test_deep_grey_keeps_its_brightness(mode: str, white: float) -> None:
    kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    ramp = np.tile(np.linspace(0, white, 64), (64, 1)).astype(kind)
    shown = np.asarray(decode_photo(saved(Image.fromarray(ramp), "TIFF")).image)
    assert np.abs(shown[0, :, 0] - np.linspace(0, 255, 64)).max() < 2


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert decode_photo(saved(clear, "PNG")).image.getpixel((10, 10)) == (255, 255, 255)
    palette = Image.new("P", (20, 20), 0)
    data = saved(palette, "GIF", transparency=0)
    assert decode_photo(data).image.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame(form: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    assert difference(data, frames[0]) < 4


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB")])
def test_large_pictures_shrink_but_not_below_512(form: str, mode: str) -> None:
    decoded = decode_photo(saved(picture(2400, 1600).convert(mode), form))
    assert (decoded.width, decoded.height) == (2400, 1600)
    assert 512 <= min(decoded.image.size) < 1100
    assert difference(saved(picture(2400, 1600), form), picture(*decoded.image.size)) < 4


def test_small_pictures_keep_their_size() -> None:
    assert decode_photo(saved(picture(900, 500), "JPEG")).image.size == (900, 500)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("part", [0.5, 0.97])
def test_a_picture_cut_off_is_refused(form: str, part: float) -> None:
    data = saved(noise(160, 120), form)
    assert reason(data[: int(len(data) * part)]).endswith((".", "!"))


def test_no_file_that_is_cut_or_scrambled_does_anything_but_be_refused() -> None:
    dice = random.Random(0)
    for form in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP"):
        data = saved(noise(40, 30), form)
        for _ in range(20):
            hurt = bytearray(data)
            for _ in range(8):
                hurt[dice.randrange(len(hurt))] = dice.randrange(256)
            with contextlib.suppress(UnreadablePhoto):
                decode_photo(bytes(hurt[: dice.randrange(1, len(hurt))]))


def test_what_is_no_picture_is_refused() -> None:
    assert reason(b"") == "The file is empty."
    assert "not a picture" in reason(b"Dear diary, today I took no photo.")
    assert "not a picture" in reason(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_a_bomb_is_refused_by_its_pixels() -> None:
    assert "144 megapixels" in reason(saved(Image.new("1", (12000, 12000)), "PNG"))
    gif = saved(picture(), "GIF")
    assert "pixels" in reason(gif[:6] + b"\xff" * 4 + gif[10:])


def test_a_file_too_large_is_refused_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "MAX_BYTES", 100)
    assert "MB" in reason(saved(picture(), "PNG"))


def test_warnings_of_pillow_do_not_leak_from_threads() -> None:
    twelve_tags = b"Exif\0\0II*\0\x08\0\0\0\x0c\0" + b"\x12\x01\x03\0\x01\0\0\0\x01\0\0\0" * 2
    data = saved(noise(9500, 9500).convert("1"), "PNG"), saved(picture(), "JPEG", exif=twelve_tags)
    with warnings.catch_warnings(record=True) as seen, ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("always")
        list(pool.map(decode_photo, data * 4))
    assert not seen


def test_the_tensor_is_the_whole_picture_squeezed() -> None:
    tensor = to_tensor(decode_photo(saved(picture(800, 400), "PNG")))
    assert (tensor.dtype, tuple(tensor.shape)) == (torch.uint8, (3, 224, 224))
    assert tensor.is_contiguous()
    assert tensor[:, 50, 50].tolist() == [255, 0, 0]
    assert tensor[:, 50, 170].tolist() == [0, 255, 0]
    assert tensor[:, 170, 50].tolist() == [0, 0, 255]
    assert to_tensor(decode_photo(saved(picture(), "PNG")), 96).shape == (3, 96, 96)


def test_pixels_are_the_same_as_an_array_and_as_a_tensor() -> None:
    photo = decode_photo(saved(noise(300, 500), "PNG"))
    pixels = to_pixels(photo, 96)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (3, 96, 96))
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(to_tensor(photo, 96).numpy(), pixels)


def test_photo_is_decoded_and_squeezed_without_torch(sample_photos: Path) -> None:
    program = (
        "import sys, captioner.image_file as f\n"
        "photo = f.decode_photo(open(sys.argv[1], 'rb').read())\n"
        "f.to_pixels(photo)\n"
        "sys.exit('torch' in sys.modules)"
    )
    photo = sample_photos / "rocket.jpg"
    subprocess.run([sys.executable, "-c", program, photo], check=True)


def test_squeezing_averages_what_is_finer_than_a_pixel() -> None:
    fine = np.indices((448, 448)).sum(axis=0) % 2 * 255
    tensor = to_tensor(decode_photo(saved(Image.fromarray(fine.astype(np.uint8)), "PNG")))
    assert (tensor.float() - 127.5).abs().max() < 20


@pytest.mark.skipif(
    not SHARED_PHOTOS.is_dir(), reason="the photos beside the repository are absent"
)
def test_photos_as_they_are_found_decode_or_are_refused() -> None:
    for path in sorted(SHARED_PHOTOS.glob("formats/*")):
        assert to_tensor(decode_photo(path.read_bytes())).shape == (3, 224, 224), path
    for path in sorted(SHARED_PHOTOS.glob("broken/*")):
        with contextlib.suppress(UnreadablePhoto):
            decode_photo(path.read_bytes())


@pytest.mark.skipif(
    not SHARED_PHOTOS.is_dir(), reason="the photos beside the repository are absent"
)
@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_cameras_orientations_are_all_upright(name: str) -> None:
    folder = SHARED_PHOTOS / "orientation"
    tensors = [
        to_tensor(decode_photo((folder / f"{name}_{number}.jpg").read_bytes())).float()
        for number in range(1, 9)
    ]
    for tensor in tensors[1:]:
        assert (tensor[:, 75:] - tensors[0][:, 75:]).abs().mean() < 12
