"""RAW files: their previews, upright, with what the camera wrote; or one plain reason."""

import random
from contextlib import suppress

import pytest
from PIL import ExifTags, Image

from captioner import image_file, raw
from captioner.image_file import UnreadablePhoto, decode_photo
from indexer.metadata import read_metadata
from tests.captioner.boxed_raw_files import make_cr3, make_raf
from tests.captioner.dng_files import make_dng
from tests.captioner.picture_files import saved
from tests.captioner.tiff_raw_files import make_cr2, make_nef

needs_rawpy = pytest.mark.skipif(not raw.can_read_raw(), reason="the extra `raw` is not installed")


def half_red() -> Image.Image:
    """Red at the left, blue at the right."""
    image = Image.new("RGB", (320, 240), "red")
    image.paste("blue", (160, 0, 320, 240))
    return image


def reason(data: bytes) -> str:
    with pytest.raises(UnreadablePhoto) as error:
        decode_photo(data)
    return str(error.value)


@needs_rawpy
@pytest.mark.parametrize("as_jpeg", [True, False])
def test_a_raw_file_shows_its_preview(as_jpeg: bool) -> None:
    decoded = decode_photo(make_dng(half_red(), as_jpeg=as_jpeg))
    assert (decoded.format, decoded.width, decoded.height) == ("RAW", 640, 480)
    assert decoded.image.size == (320, 240)
    assert decoded.image.getpixel((40, 100)) == pytest.approx((255, 0, 0), abs=5)
    assert decoded.image.getpixel((280, 100)) == pytest.approx((0, 0, 255), abs=5)


@needs_rawpy
@pytest.mark.parametrize("as_jpeg", [True, False])
@pytest.mark.parametrize(("orientation", "red_at"), [(6, "top"), (8, "bottom"), (3, "right")])
def test_a_raw_file_is_shown_upright(as_jpeg: bool, orientation: int, red_at: str) -> None:
    decoded = decode_photo(make_dng(half_red(), orientation, as_jpeg=as_jpeg))
    width, height = decoded.image.size
    places = {
        "top": (width // 2, 20),
        "bottom": (width // 2, height - 20),
        "right": (width - 20, 50),
    }
    assert decoded.image.getpixel(places[red_at]) == pytest.approx((255, 0, 0), abs=5)
    assert (decoded.width > decoded.height) == (orientation == 3)


@needs_rawpy
@pytest.mark.parametrize(
    ("make", "model"),
    [
        (b"NIKON CORPORATION", b"NIKON D850"),
        (b"SONY", b"ILCE-7M3"),
        (b"PENTAX", b"PENTAX K-5"),
        (b"SAMSUNG", b"NX1"),
    ],
)
def test_raw_files_laid_out_like_a_camera_s_show_their_preview(make: bytes, model: bytes) -> None:
    decoded = decode_photo(make_nef(half_red(), make, model, orientation=6))
    assert (decoded.format, decoded.width, decoded.height) == ("RAW", 480, 640)
    assert decoded.image.size == (240, 320)
    assert decoded.image.getpixel((120, 20)) == pytest.approx((255, 0, 0), abs=5)
    assert decoded.exif[ExifTags.Base.Model] == model.decode()


@needs_rawpy
def test_a_raw_file_laid_out_like_canon_s_shows_its_larger_preview() -> None:
    decoded = decode_photo(make_cr2(half_red(), orientation=8))
    assert (decoded.format, decoded.width, decoded.height) == ("RAW", 480, 640)
    assert decoded.image.size == (240, 320)
    assert decoded.image.getpixel((120, 300)) == pytest.approx((255, 0, 0), abs=5)
    assert decoded.exif[ExifTags.Base.Model] == "Canon EOS 40D"


@needs_rawpy
@pytest.mark.parametrize(("orientation", "red_at"), [(6, (120, 20)), (8, (120, 300))])
def test_a_raw_file_laid_out_like_fujifilm_s_shows_its_preview_upright(
    orientation: int, red_at: tuple[int, int]
) -> None:
    decoded = decode_photo(make_raf(half_red(), orientation))
    assert (decoded.format, decoded.width, decoded.height) == ("RAW", 480, 640)
    assert decoded.image.size == (240, 320)
    assert decoded.image.getpixel(red_at) == pytest.approx((255, 0, 0), abs=5)
    assert read_metadata(decoded).camera == "FUJIFILM X-T3"
    assert str(read_metadata(decoded).taken_at) == "2021-07-14 15:30:00+00:00"


@needs_rawpy
@pytest.mark.parametrize(("whole", "size"), [(True, (240, 320)), (False, (120, 160))])
@pytest.mark.parametrize(("orientation", "red_at"), [(6, 0), (8, 1)])
def test_a_raw_file_made_of_boxes_like_canon_s_shows_its_largest_preview_upright(
    whole: bool, size: tuple[int, int], orientation: int, red_at: int
) -> None:
    decoded = decode_photo(make_cr3(half_red(), orientation, whole=whole))
    assert (decoded.format, decoded.width, decoded.height) == ("RAW", 480, 640)
    assert decoded.image.size == size
    place = (size[0] // 2, round(size[1] * (0.1 + 0.8 * red_at)))
    assert decoded.image.getpixel(place) == pytest.approx((255, 0, 0), abs=5)
    assert read_metadata(decoded).camera == "Canon EOS R5"
    assert str(read_metadata(decoded).taken_at) == "2021-07-14 15:30:00+00:00"


@needs_rawpy
def test_a_raw_file_keeps_what_the_camera_wrote() -> None:
    exif = decode_photo(make_dng(half_red())).exif
    assert exif[ExifTags.Base.Model] == "Maker One"
    assert exif[ExifTags.Base.DateTime] == "2021:07:14 15:30:00"


@needs_rawpy
def test_a_raw_file_without_a_preview_says_so() -> None:
    assert "no preview" in reason(make_dng(None))


@needs_rawpy
def test_a_raw_file_that_is_cut_or_scrambled_is_refused_at_worst() -> None:
    dice, data = random.Random(0), make_dng(half_red())
    for _ in range(60):
        hurt = bytearray(data)
        for _ in range(8):
            hurt[dice.randrange(2000)] = dice.randrange(256)
        with suppress(UnreadablePhoto):
            decode_photo(bytes(hurt[: dice.randrange(1, len(hurt))]))


def test_without_the_extra_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "can_read_raw", lambda: False)
    assert reason(make_dng(half_red())) == raw.MISSING_EXTRA
    assert "tellshow[raw]" in raw.MISSING_EXTRA


@pytest.mark.parametrize(
    "start",
    [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx ", b"IIRO", b"IIU\0", b"II*\0\x10\0\0\0CR\x02\0"],
)
def test_raw_files_that_are_no_tiff_are_known_by_how_they_start(start: bytes) -> None:
    assert raw.is_raw(start + bytes(100))


def test_an_ordinary_tiff_is_no_raw_file() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    assert not raw.is_raw(saved(half_red(), "TIFF", exif=exif))
    assert not raw.is_raw(saved(half_red(), "JPEG", exif=exif))
