"""`tellshow calibrate`: weights of one's own for a home, said by status, and taken back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from captioner.image_embedder import ImageEmbedder
from catalog.database import open_database
from catalog.home import open_home
from catalog.models import Calibration
from search.evaluation.calibrate import LEAST_PHOTOS
from tellshow import Exit, run
from tests.tiny_clip import make_tiny_clip

Output = pytest.CaptureFixture[str]
_SUBJECTS = ("a dog", "two men", "a red car", "some snow", "a small boat", "a tall tree", "a child")
_PLACES = ("by the sea", "in the grass", "on a street", "near a wall", "under the sky", "at night")
_DEEDS = ("running", "standing", "waiting", "jumping", "shining", "falling")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("models") / "clip")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory, sample_photos: Path) -> Path:
    """As many photos as calibration needs: pieces of the sample photos."""
    folder = tmp_path_factory.mktemp("pieces")
    files = sorted(sample_photos.iterdir())
    for number in range(LEAST_PHOTOS):
        with Image.open(files[number % len(files)]) as image:
            part, side = number // len(files), min(image.size) // 2
            left = part % 3 * (image.width - side) // 2
            top = part // 3 * (image.height - side) // 2
            piece = image.convert("RGB").crop((left, top, left + side, top + side))
            piece.resize((96, 96)).save(folder / f"{number:02d}.jpg")
    return folder


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory, pieces: Path, clip: Path) -> Path:
    """A sentence for each photo: of a few hundred, the one that the tiny model puts nearest to it.

    So the model finds photos by them, though what it has learned is nothing.
    """
    pool = [f"{who} {deed} {where}" for who in _SUBJECTS for deed in _DEEDS for where in _PLACES]
    files = sorted(pieces.iterdir())
    embedder = ImageEmbedder(clip, "cpu")
    cosines = embedder.encode_images([Image.open(file) for file in files])
    cosines = cosines @ embedder.encode_texts(pool).T  # [photos, sentences]
    cosines = (cosines - cosines.mean(axis=0)) / cosines.std(axis=0)
    lines = [
        f"{file.name}\t{pool[row]}" for file, row in zip(files, cosines.argmax(1), strict=True)
    ]
    written = tmp_path_factory.mktemp("captions") / "captions.tsv"
    written.write_text("\n".join(["image\tcaption", *lines]) + "\n")
    return written


@pytest.fixture(scope="module")
def calibrated(
    tmp_path_factory: pytest.TempPathFactory, sample_photos: Path, clip: Path,
) -> Path:  # fmt: skip
    """A home with a few photos and the tiny model, not calibrated yet."""
    folder = tmp_path_factory.mktemp("calibrated")
    album = folder / "album"
    album.mkdir()
    for name in ("cat.png", "rocket.jpg", "coffee.png"):
        (album / name).write_bytes((sample_photos / name).read_bytes())
    home = folder / "home"
    embedder = ["--image-embedder", str(clip)]
    assert run(["index", str(album), *embedder, "--home", str(home)]) == Exit.DONE
    return home


def told(capsys: Output, *arguments: str) -> dict[str, object]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == Exit.DONE
    parsed: dict[str, object] = json.loads(capsys.readouterr().out)
    return parsed


def scores(capsys: Output, *home: str) -> list[float]:
    answer = told(capsys, "search", "a cat on a sofa", *home)
    return [result["score"] for result in answer["results"]]  # type: ignore[attr-defined]


def test_weights_fitted_on_own_captions_rank_until_they_are_taken_back(
    calibrated: Path, pieces: Path, captions: Path, capsys: Output
) -> None:
    home = ["--home", str(calibrated)]
    before = scores(capsys, *home)
    given = ["--captions", str(captions), "--images", str(pieces)]
    report = told(capsys, "calibrate", *given, *home)
    assert (report["photos"], report["captions"]) == (LEAST_PHOTOS, LEAST_PHOTOS)
    figures = [report[name]["r10"] for name in ("captioner_alone", "before", "after")]  # type: ignore[index]
    assert figures[0] < figures[1] < figures[2]
    after = scores(capsys, *home)
    assert after != before

    status = told(capsys, "status", *home)
    [calibration] = status["calibrations"]  # type: ignore[misc]
    assert (calibration["image_embedder"], calibration["sound"]) == ("clip", True)
    assert run(["status", *home]) == Exit.DONE
    assert f"on {LEAST_PHOTOS} captions of {LEAST_PHOTOS} photos" in capsys.readouterr().out
    assert run(["doctor", *home]) == Exit.DONE

    with_other_bytes(calibrated)
    assert scores(capsys, *home) == before
    assert run(["status", *home]) == Exit.DONE
    assert "damaged, run tellshow calibrate again" in capsys.readouterr().out

    assert told(capsys, "calibrate", "--reset", *home) == {"removed": 1}
    assert scores(capsys, *home) == before
    assert run(["calibrate", "--reset", *home]) == Exit.DONE
    assert "not calibrated" in capsys.readouterr().out


def with_other_bytes(folder: Path) -> None:
    """Change a digit of the calibration, as a flipped bit does."""
    home = open_home(folder)
    database = open_database(home)
    with database.write() as session:
        row = session.scalars(select(Calibration)).one()
        digit = next(each for each in row.ranking if each.isdigit())
        row.ranking = row.ranking.replace(digit, str(9 - int(digit)), 1)
    database.close()


def test_too_few_photos_are_refused_with_the_number_that_is_needed(
    calibrated: Path, pieces: Path, captions: Path, tmp_path: Path, capsys: Output
) -> None:
    lines = captions.read_text().splitlines()
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(lines[:LEAST_PHOTOS]) + "\n")  # the first names the columns
    given = ["--captions", str(few), "--images", str(pieces), "--home", str(calibrated)]
    assert run(["calibrate", *given]) == Exit.FAILED
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"captions of {LEAST_PHOTOS - 1} photos, and fewer than {LEAST_PHOTOS}" in line


def test_home_without_photos_is_not_calibrated(
    pieces: Path, captions: Path, tmp_path: Path, capsys: Output
) -> None:
    given = ["--captions", str(captions), "--images", str(pieces)]
    assert run(["calibrate", *given, "--home", str(tmp_path / "new")]) == Exit.FAILED
    assert "nothing is indexed yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given", [[], ["--captions", "a.tsv"], ["--reset", "--captions", "a.tsv", "--images", "b"]]
)
def test_captions_or_reset_must_be_given(given: list[str], capsys: Output) -> None:
    assert run(["calibrate", *given]) == Exit.USAGE
    assert "either --captions and --images, or --reset" in capsys.readouterr().err


def test_captions_choose_what_the_tiny_model_can_find(captions: Path) -> None:
    """The calibration above would prove little if all photos had one sentence."""
    texts = [line.split("\t")[1] for line in captions.read_text().splitlines()[1:]]
    assert len(np.unique(texts)) > LEAST_PHOTOS / 2
