"""The tables as SQLAlchemy models; the migrations create them.

Annotations are objects here, as SQLAlchemy would evaluate each string: a third of the import.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class DamagedValue(ValueError):
    """What is stored in a column is nothing that was ever written there."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, UTC datetimes out, also on SQLite, which stores no zone.

    Reading raises DamagedValue for what is no time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """A datetime in UTC. Raises ValueError where it has no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back to what SQLite stored without one."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """What reads a value; see SQLAlchemy."""
        return _or_damaged(super().result_processor(dialect, coltype))


class StoredJSON(TypeDecorator[Any]):
    """JSON, of which reading raises DamagedValue for what is none; None is SQL's NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """What reads a value; see SQLAlchemy."""
        return _or_damaged(super().result_processor(dialect, coltype))


class StoredBytes(TypeDecorator[bytes]):
    """Bytes, of which reading raises DamagedValue for a value of another type, as SQLite has."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """The bytes; raises DamagedValue for text."""
        if value is None or isinstance(value, bytes):
            return value
        raise DamagedValue(f"it holds {str(value)[:40]!r} where no such value belongs")


def _or_damaged(process: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """What reads a value as `process` does, but raises one kind of error for damaged ones."""

    def read(value: Any) -> Any:
        try:
            return value if process is None else process(value)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise DamagedValue(
                f"it holds {str(value)[:40]!r} where no such value belongs"
            ) from error

    return read


class CleanText(TypeDecorator[str]):
    """Text from files and EXIF, made storable: no NUL (PostgreSQL) and no lone surrogate."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be encoded, drop NUL."""
        return None if value is None else clean_text(value)


def clean_text(value: str) -> str:
    """Text as it is stored; see CleanText."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


class Lines(TypeDecorator[tuple[str, ...]]):
    """Texts of one line each, as one text with a line for each; none are the empty text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """The lines as one text."""
        return None if value is None else lines_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """The lines of a text."""
        return None if value is None else lines_of(value)


def lines_text(lines: Iterable[str]) -> str:
    """Lines as they are stored; see Lines."""
    return "\n".join(map(clean_text, lines))


def lines_of(stored: str) -> tuple[str, ...]:
    """The lines of a stored text."""
    return tuple(stored.split("\n")) if stored else ()


class Base(DeclarativeBase):
    """Base of all tables; constraint names are the same on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _photo_key(**options: Any) -> Mapped[int]:
    return mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), **options)


def _model_key(**options: Any) -> Mapped[Any]:
    return mapped_column(ForeignKey("model.id", ondelete="CASCADE"), **options)


class Root(Base):
    """An indexed folder; `path` is absolute, as bytes.

    `excluded`: the patterns, in gitignore's syntax, of files that are left out. `checksum`: over
    both, see checksums.py; "" where none was noted yet.
    """

    __tablename__ = "root"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[bytes] = mapped_column(StoredBytes, unique=True)
    last_seen_online: Mapped[datetime] = mapped_column(UtcDateTime)
    excluded: Mapped[list[str]] = mapped_column(StoredJSON, server_default="[]")
    checksum: Mapped[str] = mapped_column(String(32), server_default="")


class Photo(Base):
    """One file of a root; `path` is relative to the root, as bytes.

    `taken_at`, `taken_offset`, `taken_from` and `lens` are those of records.Origin, `title` to
    `people` those of records.Annotations, `sidecars` that of records.FileStamp. `checksum`: over
    what was read from the file, see checksums.py.
    """

    __tablename__ = "photo"
    # AUTOINCREMENT: an id is never given again, so a stale cache can never show another photo.
    __table_args__ = (
        UniqueConstraint("root_id", "path"),
        Index(None, "taken_at", "id"),
        Index(None, "latitude", "longitude", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    root_id: Mapped[int] = mapped_column(ForeignKey("root.id", ondelete="CASCADE"))
    path: Mapped[bytes] = mapped_column(StoredBytes)
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    sidecars: Mapped[str] = mapped_column(String(16), server_default="")
    width: Mapped[int]
    height: Mapped[int]
    format: Mapped[str] = mapped_column(CleanText)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    camera: Mapped[str | None] = mapped_column(CleanText)
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    taken_offset: Mapped[int | None]
    taken_from: Mapped[str | None] = mapped_column(String(8))
    metadata_version: Mapped[int] = mapped_column(server_default="1")
    title: Mapped[str | None] = mapped_column(CleanText)
    description: Mapped[str | None] = mapped_column(CleanText)
    rating: Mapped[int | None]
    keywords: Mapped[tuple[str, ...]] = mapped_column(Lines, server_default="")
    people: Mapped[tuple[str, ...]] = mapped_column(Lines, server_default="")
    lens: Mapped[str | None] = mapped_column(CleanText)
    indexed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32), server_default="")


class Model(Base):
    """A captioner, a sentence embedder or an image embedder, known by name and content.

    `checksum`: over all of it, see checksums.py; "" where none was noted yet.
    """

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("name", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(CleanText)
    sha256: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]] = mapped_column(StoredJSON)
    metrics: Mapped[dict[str, Any]] = mapped_column(StoredJSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32), server_default="")


class Caption(Base):
    """A sentence about a photo; rank 0 is the best."""

    __tablename__ = "caption"

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    model_id: Mapped[int] = _model_key(primary_key=True, index=True)
    rank: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(CleanText)
    log_likelihood: Mapped[float] = mapped_column(Float(53))


class Vector(Base):
    """A unit vector of a photo, float16; `change` is the counter's value when it was written.

    `checksum`: of an image embedder's, see image_vectors.py; None: the description's covers it.
    """

    __tablename__ = "vector"
    # Serves the rebuild and the replay of what came after a change, both in this order.
    __table_args__ = (Index(None, "model_id", "kind", "change", "photo_id"),)

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    model_id: Mapped[int] = _model_key(primary_key=True)
    embedder: Mapped[str | None] = mapped_column(CleanText)
    change: Mapped[int] = mapped_column(BigInteger)
    blob: Mapped[bytes] = mapped_column(StoredBytes)
    checksum: Mapped[str | None] = mapped_column(String(32))


class State(Base):
    """What re-ranking needs of a photo, packed by the captioner.

    `checksum`: over all that the model made of the photo, see checksums.py; no description has "".
    """

    __tablename__ = "state"
    __table_args__ = (Index(None, "model_id", "photo_id"),)

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    model_id: Mapped[int] = _model_key(primary_key=True)
    blob: Mapped[bytes] = mapped_column(StoredBytes)
    bias: Mapped[float] = mapped_column(Float(53))
    checksum: Mapped[str] = mapped_column(String(32), server_default="")


class Tag(Base):
    """A name that a classifier gives; `words`: those of the name and its kind, between spaces."""

    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText, unique=True)
    words: Mapped[str] = mapped_column(CleanText)


class PhotoTag(Base):
    """What a model's classifier sees in a photo, and how probable it says that is, 0 to 1."""

    __tablename__ = "photo_tag"
    __table_args__ = (Index(None, "tag_id", "photo_id"),)

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    model_id: Mapped[int] = _model_key(primary_key=True, index=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True)
    probability: Mapped[float] = mapped_column(Float(53))


class Keyword(Base):
    """A keyword that people gave; `words`: its words, between spaces."""

    __tablename__ = "keyword"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText, unique=True)
    words: Mapped[str] = mapped_column(CleanText)


class PhotoKeyword(Base):
    """Which photos have a keyword: an index of the keywords in Photo, which are the truth."""

    __tablename__ = "photo_keyword"
    __table_args__ = (Index(None, "keyword_id", "photo_id"),)

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    keyword_id: Mapped[int] = mapped_column(
        ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True
    )


class Town(Base):
    """A town of the gazetteer; `name`: with its region and country, `words`: those of the name."""

    __tablename__ = "town"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText, unique=True)
    country: Mapped[str] = mapped_column(CleanText)
    words: Mapped[str] = mapped_column(CleanText)


class PhotoTown(Base):
    """The town nearest to where a photo was taken, and the position for which it was looked up.

    `town_id`: None where no town is near.
    """

    __tablename__ = "photo_town"
    __table_args__ = (Index(None, "town_id", "photo_id"),)

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    town_id: Mapped[int | None] = mapped_column(ForeignKey("town.id", ondelete="CASCADE"))
    latitude: Mapped[float] = mapped_column(Float(53))
    longitude: Mapped[float] = mapped_column(Float(53))


class PhotoText(Base):
    """What a photo is found by: see words.PhotoWords.

    The full-text index over it is not described here: it differs with the database, and the
    migrations make it.
    """

    __tablename__ = "photo_text"

    photo_id: Mapped[int] = _photo_key(primary_key=True)
    names: Mapped[str] = mapped_column(CleanText)
    joined: Mapped[str] = mapped_column(CleanText)
    grams: Mapped[str] = mapped_column(CleanText)
    captions: Mapped[str] = mapped_column(CleanText)
    written: Mapped[str] = mapped_column(CleanText, server_default="")


class Failure(Base):
    """A file that could not be indexed; `path` is absolute, as bytes."""

    __tablename__ = "failure"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[bytes] = mapped_column(StoredBytes, unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(CleanText)


class Run(Base):
    """One indexing run; `finished_at` stays empty where it was killed.

    `seen_at`: when it last said that it goes on, where its database is on a server, see runs.py.
    """

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    counts: Mapped[dict[str, Any] | None] = mapped_column(StoredJSON)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stop_requested: Mapped[bool] = mapped_column(server_default=false())


class VectorChange(Base):
    """One row: a counter that grows with every committed change to vectors; see change_feed.py.

    On PostgreSQL it stays, and is added to transaction ids.
    """

    __tablename__ = "vector_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(BigInteger)


class VectorCommit(Base):
    """A transaction that changed vectors, on PostgreSQL alone; see change_feed.py."""

    __tablename__ = "vector_commit"

    change: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class VectorRemoval(Base):
    """A photo that lost vectors, by the last change in which it did; it may be gone."""

    __tablename__ = "vector_removal"

    photo_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    change: Mapped[int] = mapped_column(BigInteger, index=True)


class VectorGeneration(Base):
    """A home's FAISS file that holds the vectors of a kind and model as of a change.

    Several homes may share the database, and each has a file of its own.
    """

    __tablename__ = "vector_generation"

    model_id: Mapped[int] = _model_key(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64))
    count: Mapped[int]
    change_counter: Mapped[int] = mapped_column(BigInteger)


class ChosenImageEmbedder(Base):
    """At most one row: the image embedder of this home, and its folder, as bytes."""

    __tablename__ = "image_embedder"

    model_id: Mapped[int] = _model_key(primary_key=True)
    folder: Mapped[bytes] = mapped_column(LargeBinary)


class Calibration(Base):
    """Weights of a ranking in JSON, fitted on captions of one's own; see calibrations.py.

    For a captioner (`model_id`) beside an image embedder, None: without one. `captions` and
    `photos`: how many they were fitted on.
    """

    __tablename__ = "calibration"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = _model_key()
    image_model_id: Mapped[int | None] = _model_key()
    ranking: Mapped[str] = mapped_column(Text)
    checksum: Mapped[str] = mapped_column(String(32))
    captions: Mapped[int]
    photos: Mapped[int]
    fitted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Album(Base):
    """An album that somebody made; its photos are in AlbumPhoto.

    `checksum`, here and in the tables below: over the rest of the row, see kept_rows.py.
    """

    __tablename__ = "album"
    # AUTOINCREMENT: the address of an album that is gone never leads to another.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32))


class AlbumPhoto(Base):
    """A photo of an album, by the SHA-256 of its bytes, so that it may move and come back."""

    __tablename__ = "album_photo"

    album_id: Mapped[int] = mapped_column(
        ForeignKey("album.id", ondelete="CASCADE"), primary_key=True
    )
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    position: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(32))


class Favourite(Base):
    """A photo that somebody marked, by the SHA-256 of its bytes."""

    __tablename__ = "favourite"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32))


class Share(Base):
    """A link by which others see photos: those of an album as it is, or those of SharePhoto.

    `token_hash`: the SHA-256 of the link's token, which itself is stored nowhere.
    """

    __tablename__ = "share"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(CleanText)
    album_id: Mapped[int | None] = mapped_column(
        ForeignKey("album.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32))


class SharePhoto(Base):
    """A photo of a link that shares no album, by the SHA-256 of its bytes."""

    __tablename__ = "share_photo"

    share_id: Mapped[int] = mapped_column(
        ForeignKey("share.id", ondelete="CASCADE"), primary_key=True
    )
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    position: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(32))


class SavedSearch(Base):
    """A search that somebody named; `parameters`: the query string of its page."""

    __tablename__ = "saved_search"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText)
    parameters: Mapped[str] = mapped_column(CleanText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checksum: Mapped[str] = mapped_column(String(32))


class RecentSearch(Base):
    """A search that was asked on the page, kept for a while; nothing depends on it."""

    __tablename__ = "recent_search"

    id: Mapped[int] = mapped_column(primary_key=True)
    parameters: Mapped[str] = mapped_column(CleanText)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Preference(Base):
    """A setting of the home that its pages change."""

    __tablename__ = "preference"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(32))
