"""Filters as people word them, and what passes them in every stage of a search."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.filters import PhotoFilter
from catalog.models import Photo
from search.engine import SearchEngine
from search.filters import read_filter
from search.limits import STAGES
from search.request import InvalidQuery, SearchRequest

NOON = datetime(2021, 7, 14, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def dated_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """The sample photos in two folders, a day apart in order of name, by a camera of that day."""
    from catalog.checksums import photo_checksum
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer

    album = tmp_path_factory.mktemp("dated") / "album"
    for place, photo in enumerate(sorted(sample_photos.iterdir())):
        folder = album / ("first" if place < 6 else "second half")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    home = open_home(album.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    engine = SearchEngine(home, database, captioner, embedder)
    ids = {Path(result.path).name: result.photo_id for result in find(engine)}
    with database.write() as session:
        for day, name in enumerate(sorted(ids)):
            photo = session.get_one(Photo, ids[name])
            photo.taken_at, photo.camera = NOON + timedelta(days=day), f"Maker C{day:02d}"
            photo.checksum = photo_checksum(vars(photo))
    yield engine
    database.close()


def find(engine: SearchEngine, stage: str = "combined", **wanted: str) -> tuple:  # type: ignore[type-arg]
    """All results for one query."""
    request = SearchRequest("a cat", 12, stage=stage, filters=read_filter(**wanted))
    return engine.search(request).results


def names(engine: SearchEngine, stage: str = "combined", **wanted: str) -> list[str]:
    return [Path(result.path).name for result in find(engine, stage, **wanted)]


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_filtered_out_takes_no_candidates_place(
    dated_engine: SearchEngine, stage: str
) -> None:
    everything = names(dated_engine, stage)
    cat = everything.index("cat.png")
    others = sorted(everything)[sorted(everything).index("cat.png") + 1 :]
    after = NOON + timedelta(days=len(everything) - len(others))
    wanted = read_filter(after=after.isoformat())
    one = SearchRequest("a cat", 1, candidates=1, stage=stage, filters=wanted)
    found = [Path(result.path).name for result in dated_engine.search(one).results]
    assert cat == 0  # the best of all, which does not pass
    assert len(found) == 1
    assert found[0] in others


@pytest.mark.parametrize("stage", STAGES)
def test_what_passes_keeps_its_order(dated_engine: SearchEngine, stage: str) -> None:
    everything = names(dated_engine, stage)
    passing = set(sorted(everything)[3:9])
    found = names(
        dated_engine, stage, after="2021-07-17", before=(NOON + timedelta(days=9)).isoformat()
    )
    assert found == [name for name in everything if name in passing]


def test_folder_camera_format_and_orientation_filter(dated_engine: SearchEngine) -> None:
    results = find(dated_engine)
    album = Path(results[0].path).parent.parent
    views = dated_engine.photos([result.photo_id for result in results])
    second = names(dated_engine, folder=f"{album}/second half/")
    assert sorted(second) == sorted(names(dated_engine))[6:]
    assert sorted(names(dated_engine, folder=str(album))) == sorted(names(dated_engine))
    assert names(dated_engine, folder=f"{album}/second") == []
    assert names(dated_engine, camera="c05") == [sorted(names(dated_engine))[5]]
    assert len(names(dated_engine, camera="maker")) == 12
    kinds = {"landscape": 1, "portrait": -1, "square": 0}
    for kind, sign in kinds.items():
        expected = {
            key for key, view in views.items()
            if (view.width > view.height) - (view.width < view.height) == sign
        }  # fmt: skip
        assert {found.photo_id for found in find(dated_engine, orientation=kind)} == expected
    expected = {key for key, view in views.items() if view.format == "PNG"}
    assert 0 < len(expected) < 12
    assert {found.photo_id for found in find(dated_engine, format="png")} == expected


def test_filters_combine(dated_engine: SearchEngine) -> None:
    everything = sorted(names(dated_engine))
    found = names(dated_engine, camera="C03", after="2021-07-17", before="2021-07-18")
    assert found == [everything[3]]
    assert names(dated_engine, camera="C03", before="2021-07-17") == []


def test_no_filter_lets_everything_pass() -> None:
    assert read_filter() == PhotoFilter()
    assert read_filter(after="", before=" ", folder="", camera=" ", format="", orientation="") == (
        PhotoFilter()
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-07-14", datetime(2021, 7, 14, tzinfo=UTC)),
        (" 2021-07-14T15:30 ", datetime(2021, 7, 14, 15, 30, tzinfo=UTC)),
        ("2021-07-14 15:30:01", datetime(2021, 7, 14, 15, 30, 1, tzinfo=UTC)),
        ("2021-07-14T15:30+02:00", datetime(2021, 7, 14, 13, 30, tzinfo=UTC)),
        ("2021-07-14T15:30Z", datetime(2021, 7, 14, 15, 30, tzinfo=UTC)),
    ],
)
def test_a_date_is_in_utc_unless_it_names_a_zone(text: str, moment: datetime) -> None:
    assert read_filter(after=text).after == moment
    assert read_filter(before=text).before == moment


def test_formats_have_the_names_of_files_and_of_decoders() -> None:
    assert read_filter(format="jpg").formats == read_filter(format="JPEG").formats
    assert "MPO" in read_filter(format="jpeg").formats
    assert read_filter(format="heic").formats == ("HEIF",)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("after", "yesterday"),
        ("after", "2021-13-01"),
        ("before", "14.07.2021"),
        ("before", "9999-12-31T23:00-14:00"),
        ("after", "0001-01-01T00:00+14:00"),
        ("after", "2021-07-14\0"),
        ("folder", "Pictures"),
        ("folder", "../Pictures"),
        ("folder", "/a\0b"),
        ("folder", "/" + "a" * 5000),
        ("format", "exe"),
        ("orientation", "upside down"),
    ],
)
def test_what_cannot_be_understood_is_named_with_what_would_be(field: str, text: str) -> None:
    with pytest.raises(InvalidQuery, match=rf"^{field} must be .*, not '") as caught:
        read_filter(**{field: text})
    assert caught.value.field == field
    assert len(str(caught.value)) < 200


def test_dates_with_nothing_between_them_are_refused() -> None:
    for before in ("2021-07-14", "2021-07-13"):
        with pytest.raises(InvalidQuery, match="after must be earlier than before") as caught:
            read_filter(after="2021-07-14", before=before)
        assert caught.value.field == "after"


def test_likelihood_ranks_no_more_photos_than_it_may_read(
    dated_engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.pipeline.MAX_BY_LIKELIHOOD", 6)
    with pytest.raises(InvalidQuery, match="here of 12, and may of 6: take") as error:
        find(dated_engine, "likelihood")
    assert error.value.field == "stage"
    assert len(find(dated_engine, "likelihood", before="2021-07-20")) == 6
    assert len(find(dated_engine, "combined")) == 12
