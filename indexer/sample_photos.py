"""The photos that `tellshow demo` and the tests look at: a dozen that come inside scikit-image.

They are found in the installed package's folder and copied; nothing is downloaded and nothing of
scikit-image is imported. Names, authors and licences stand in docs/sample-photos.md.
"""

import importlib.util
import shutil
from pathlib import Path

# The name in scikit-image's data folder -> the name of the copy. Only photos that scikit-image
# states to be free of copyright; for its others (the moon, the motorcycle) it states no licence.
SAMPLE_PHOTOS = {
    "astronaut.png": "astronaut.png",
    "camera.png": "photographer.png",
    "chelsea.png": "cat.png",
    "coffee.png": "coffee.png",
    "rocket.jpg": "rocket.jpg",
    "clock_motion.png": "clock.png",
    "coins.png": "coins.png",
    "brick.png": "brick-wall.png",
    "grass.png": "grass.png",
    "gravel.png": "gravel.png",
    "hubble_deep_field.jpg": "galaxies.jpg",
    "retina.jpg": "retina.jpg",
}


class SamplesUnavailable(FileNotFoundError):
    """The package that carries the sample photos is not installed, or lacks one of them."""


def copy_sample_photos(folder: Path) -> list[Path]:
    """Copy the sample photos into `folder`, made if need be, and return the copies in order.

    Copies keep the modification time of their original, so that copying again changes nothing
    for an indexer. Raises SamplesUnavailable where a photo is missing.
    """
    originals = [_data_folder() / name for name in SAMPLE_PHOTOS]
    missing = [original.name for original in originals if not original.is_file()]
    if missing:
        raise _unavailable(f"The installed scikit-image lacks {', '.join(missing)}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_copy(original, folder / SAMPLE_PHOTOS[original.name]) for original in originals]


def _copy(original: Path, copy: Path) -> Path:
    shutil.copy2(original, copy)
    return copy


def _data_folder() -> Path:
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise _unavailable("The sample photos come with scikit-image, which is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _unavailable(reason: str) -> SamplesUnavailable:
    return SamplesUnavailable(f"{reason}: pip install 'tellshow[demo]'.")
