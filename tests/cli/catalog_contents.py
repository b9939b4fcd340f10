"""What a catalog holds, but for what is a run's own: to be compared with another's."""

from typing import Any

from sqlalchemy import select

from catalog.checksums import photo_checksum
from catalog.database import open_database
from catalog.home import Home
from catalog.models import (
    Caption,
    Failure,
    Keyword,
    Photo,
    PhotoText,
    Root,
    State,
    Vector,
)

# Ids and times are a run's own; everything else must be the same.
OWN = {"id", "photo_id", "model_id", "root_id", "change", "indexed_at", "last_seen_online"}


def _value(row: Any, name: str) -> Any:
    """A row's value; whether it is right, of a photo's checksum, which is over times, too."""
    value = getattr(row, name)
    is_checked = isinstance(row, Photo) and name == "checksum"
    return value == photo_checksum(vars(row)) if is_checked else value


def content(home: Home) -> dict[str, list[Any]]:
    """Every row of every table by the path it belongs to, without what is a run's own."""
    database = open_database(home)
    with database.read() as session:
        paths = dict(session.execute(select(Photo.id, Photo.path)).all())
        found = {
            table.__tablename__: sorted(
                (
                    (
                        paths.get(getattr(row, "photo_id", None), b""),
                        *(
                            (column.name, _value(row, column.name))
                            for column in table.__table__.columns
                            if column.name not in OWN
                        ),
                    )
                    for row in session.scalars(select(table))
                ),
                key=repr,
            )
            for table in (Root, Photo, Caption, Vector, State, PhotoText, Keyword, Failure)
        }
    database.close()
    return found
