"""Picture files made for tests: their bytes, what is shown of them, why they are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from captioner import image_file
from captioner.image_file import UnreadablePhoto, decode_photo


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    image_file._prepare_pillow()  # HEIF
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def difference(data: bytes, expected: Image.Image) -> float:
    """Mean difference of pixels, out of 255."""
    shown = np.asarray(decode_photo(data).image.resize(expected.size), dtype=float)
    return float(np.abs(shown - np.asarray(expected.convert("RGB"), dtype=float)).mean())


def reason(data: bytes) -> str:
    with pytest.raises(UnreadablePhoto) as error:
        decode_photo(data)
    return str(error.value)
