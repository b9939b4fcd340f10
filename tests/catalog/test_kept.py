"""Albums, favourites, shared links and searches outlive moves and damage, in either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from catalog import albums, favourites, searches, shares
from catalog.backup import back_up, restore
from catalog.database import open_database
from catalog.doctor import Doctor, Problem
from catalog.home import open_home
from catalog.kept_rows import KEPT, read_rows
from catalog.models import Share
from catalog.photos import ids_with_contents, move_photo, remove_photos
from tests.catalog.factories import SampleCatalog, new_photo, new_photos

HASHES = [photo.content_hash for photo in new_photos(range(4))]


def contents(session: Session, album_id: int) -> list[int]:
    """An album's photos, as places in HASHES."""
    return [HASHES.index(each) for each in albums.album_contents(session, album_id)]


def damaged(session: Session) -> list[str]:
    return [table.__tablename__ for table in KEPT if read_rows(session, table).damaged]


def test_album_has_its_photos_in_the_order_that_somebody_gave(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(4)))
    with any_catalog.database.write() as session:
        album = albums.create_album(session, "Été", [HASHES[2], HASHES[0], HASHES[2]])
        assert albums.add_to_album(session, album, [HASHES[0], HASHES[3], HASHES[1]]) == 2
        assert contents(session, album) == [2, 0, 3, 1]
        albums.order_album(session, album, [HASHES[1], HASHES[0], "f" * 64])
        assert contents(session, album) == [1, 0, 2, 3]
        albums.order_album(session, album, [HASHES[3], HASHES[1]], after=HASHES[0])
        assert contents(session, album) == [0, 3, 1, 2]
        albums.order_album(session, album, [HASHES[1], HASHES[0]], after=HASHES[1])
        assert contents(session, album) == [1, 0, 3, 2]
        assert albums.remove_from_album(session, album, [HASHES[3], "f" * 64]) == 1
        albums.rename_album(session, album, "Summer")
    with any_catalog.database.read() as session:
        [found] = albums.list_albums(session)
        assert contents(session, album) == [1, 0, 2]
        assert (found.name, found.photos, found.cover) == ("Summer", 3, HASHES[1])
        assert damaged(session) == []
    with any_catalog.database.write() as session:
        albums.delete_album(session, album)
        with pytest.raises(albums.UnknownAlbum):
            albums.find_album(session, album)
        assert albums.album_contents(session, album) == []


def test_photo_that_moves_or_comes_back_is_in_its_albums(any_catalog: SampleCatalog) -> None:
    first, second = any_catalog.add(new_photos(range(2)))
    with any_catalog.database.write() as session:
        album = albums.create_album(session, "a", HASHES[:2])
        favourites.add_favourites(session, HASHES[:2])
        move_photo(session, first, any_catalog.root, replace(new_photo(b"x").file, path=b"y.jpg"))
        remove_photos(session, [second])
        [found] = albums.list_albums(session)
        assert (found.photos, found.cover) == (1, HASHES[0])
    any_catalog.add([new_photo(b"back.jpg", 1)])
    with any_catalog.database.read() as session:
        assert albums.list_albums(session)[0].photos == 2
        assert contents(session, album) == [0, 1]
        assert len(ids_with_contents(session, favourites.favourites(session))) == 2


def test_photo_whose_bytes_change_stays_but_for_where_a_copy_is_left(
    any_catalog: SampleCatalog,
) -> None:
    """As where a program writes stars into it."""
    any_catalog.add([new_photo(b"a.jpg", 0), new_photo(b"b.jpg", 1), new_photo(b"c.jpg", 1)])
    with any_catalog.database.write() as session:
        album = albums.create_album(session, "a", HASHES[:2])
        favourites.add_favourites(session, HASHES[:1])
    any_catalog.add([new_photo(b"a.jpg", 2), new_photo(b"b.jpg", 3)])
    with any_catalog.database.read() as session:
        assert contents(session, album) == [2, 1]
        assert favourites.is_favourite(session, HASHES[2])
        assert not favourites.is_favourite(session, HASHES[0])
        assert damaged(session) == []


def test_favourites_are_marked_once_and_the_last_comes_first(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.write() as session:
        assert favourites.add_favourites(session, HASHES[:1]) == 1
        assert favourites.add_favourites(session, HASHES[:2]) == 1
        assert favourites.favourites(session) == [HASHES[1], HASHES[0]]
        assert favourites.remove_favourites(session, HASHES[1:]) == 1
        assert favourites.favourites(session) == HASHES[:1]


def test_link_shares_until_it_ends_or_is_revoked(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(2)))
    day = timedelta(days=1)
    with any_catalog.database.write() as session:
        album = albums.create_album(session, "a", HASHES[:1])
        _, of_album = shares.share_album(session, album, "Album", day)
        own, of_photos = shares.share_photos(session, HASHES[:2], "Photos", day)
        albums.add_to_album(session, album, HASHES[1:2])
        for token in (of_album, of_photos):
            share = shares.find_share(session, token)
            assert shares.share_contents(session, share) == HASHES[:2]
            assert shares.shared_content(session, share, HASHES[1][:24]) == HASHES[1]
            for strange in (HASHES[3][:24], "%" * 24, "_" * 24):
                assert shares.shared_content(session, share, strange) is None
        stored = session.execute(text("SELECT token_hash, title FROM share")).all()
        assert not any(token in str(stored) for token in (of_album, of_photos))
        assert shares.revoke_share(session, own)
        assert not shares.revoke_share(session, own)
        with pytest.raises(shares.UnknownShare):
            shares.find_share(session, of_photos)
        _, ended = shares.share_photos(session, HASHES, "Ended", timedelta(0))
        with pytest.raises(shares.UnknownShare):
            shares.find_share(session, ended)
        assert [each.title for each in shares.list_shares(session)] == ["Album"]
        albums.delete_album(session, album)
        with pytest.raises(shares.UnknownShare):
            shares.find_share(session, of_album)


def test_searches_are_saved_noted_and_forgotten(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.write() as session:
        for parameters in ("q=a", "q=b"):
            searches.save_search(session, "Snow", parameters)
        [saved] = searches.list_saved(session)
        assert saved.parameters == "q=b"
        for number in range(searches.MOST_RECENT + 5):
            searches.note_search(session, f"q={number}")
        searches.note_search(session, "q=20")
        recent = searches.recent_searches(session)
        assert len(recent) == searches.MOST_RECENT
        assert recent[:2] == ["q=20", "q=54"]
        assert recent.count("q=20") == 1
        searches.remember_searches(session, False)
        searches.note_search(session, "q=c")
        assert searches.recent_searches(session) == []
        searches.remember_searches(session, True)
        searches.note_search(session, "q=c")
        assert searches.recent_searches(session) == ["q=c"]
        assert searches.delete_saved(session, saved.search_id)
        assert not searches.delete_saved(session, saved.search_id)


HARM = {
    "album": "name = 'Winteq'",
    "album_photo": f"content_hash = '{'e' * 64}'",
    "favourite": "added_at = '2001-01-01 00:00:00.000000'",
    "share": "expires_at = '2100-01-01 00:00:00.000000'",
    "share_photo": "position = 7",
    "saved_search": "parameters = 'q=else'",
}


@pytest.mark.parametrize("table", HARM)
def test_damaged_row_is_in_no_answer_and_the_doctor_takes_it_as_it_is(
    any_catalog: SampleCatalog, table: str
) -> None:
    any_catalog.add(new_photos(range(2)))
    with any_catalog.database.write() as session:
        album = albums.create_album(session, "Winter", HASHES[:1])
        favourites.add_favourites(session, HASHES[:1])
        shares.share_photos(session, HASHES[:1], "Photos", timedelta(days=1))
        searches.save_search(session, "Snow", "q=a")
        session.execute(text(f"UPDATE {table} SET {HARM[table]}"))
    with any_catalog.database.read() as session:
        assert damaged(session) == [table]
        answered = {
            "album": bool(albums.list_albums(session)),
            "album_photo": bool(albums.album_contents(session, album)),
            "favourite": favourites.is_favourite(session, HASHES[0]),
            "share": bool(shares.list_shares(session)),
            "saved_search": bool(searches.list_saved(session)),
        }
        assert [name for name, found in answered.items() if not found] == (
            [] if table == "share_photo" else [table]
        )
    told = Doctor(any_catalog.home, any_catalog.database, mend=True).examine().findings
    [kept] = [each for each in told if each.problem is Problem.KEPT]
    assert (kept.count, kept.mended) == (1, True)
    assert kept.examples[0].startswith(f"{table} ")
    with any_catalog.database.read() as session:
        assert damaged(session) == []
        assert len(shares.list_shares(session)) == (0 if table == "share" else 1)


def test_text_that_is_none_is_damage_and_goes(catalog: SampleCatalog) -> None:
    with catalog.database.write() as session:
        album = albums.create_album(session, "Winter", HASHES[:2])
        session.execute(text("UPDATE album_photo SET content_hash = CAST(x'ff70' AS TEXT) "
                             "WHERE position = 0"))  # fmt: skip
        assert contents(session, album) == [1]
    Doctor(catalog.home, catalog.database, mend=True).examine()
    with catalog.database.read() as session:
        assert contents(session, album) == [1]
        assert damaged(session) == []


def test_token_that_was_put_into_the_database_opens_nothing(catalog: SampleCatalog) -> None:
    """Whoever can write a hash there, by another program, has no checksum for it by that alone."""
    with catalog.database.write() as session:
        shares.share_photos(session, HASHES, "Photos", timedelta(days=1))
        session.execute(update(Share).values(token_hash=shares._hash("guess")))
        with pytest.raises(shares.UnknownShare):
            shares.find_share(session, "guess")


def test_backup_brings_albums_back(catalog: SampleCatalog, tmp_path: Path) -> None:
    with catalog.database.write() as session:
        albums.create_album(session, "Winter", HASHES)
    back_up(catalog.home, tmp_path / "backup.zip")
    other = open_home(tmp_path / "other")
    restore(other, tmp_path / "backup.zip")
    database = open_database(other)
    with database.read() as session:
        assert [each.name for each in albums.list_albums(session)] == ["Winter"]
        assert damaged(session) == []
    database.close()
