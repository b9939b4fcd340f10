"""Inserts many rows at once: by COPY in PostgreSQL's binary format, else by one INSERT for all.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from catalog.sql import ONE_SHAPE, is_postgresql

Rows = Sequence[Mapping[str, Any]]


def insert_rows(session: Session, table: Any, rows: Rows) -> None:
    """Insert rows, all of the same columns, of which none may be there already.

    Raises IntegrityError where one is, as any INSERT does.
    """
    if not rows:
        return
    if is_postgresql(session):
        _copy(session.connection(), table.__table__, rows)
    else:
        session.execute(insert(table), rows, execution_options=ONE_SHAPE)


def _copy(connection: Connection, table: Any, rows: Rows) -> None:
    dialect = connection.dialect
    columns = [column for column in table.columns if column.name in rows[0]]
    process = [column.type.bind_processor(dialect) for column in columns]
    names = [column.name for column in columns]
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
    errors: Any = dialect.dbapi
    try:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_name(column, connection) for column in columns])
            for row in rows:
                copy.write_row(_stored(process, [row[name] for name in names]))
    except errors.Error as error:
        raise _translated(connection, statement, error) from error


def _stored(process: Sequence[Callable[[Any], Any] | None], values: Sequence[Any]) -> list[Any]:
    pairs = zip(process, values, strict=True)
    return [value if convert is None else convert(value) for convert, value in pairs]


def _type_name(column: Any, connection: Connection) -> str:
    """The name of a column's type as the driver knows it."""
    name = str(column.type.compile(connection.dialect)).partition("(")[0].lower()
    return "float8" if name == "float" else name


def _translated(connection: Connection, statement: str, error: Any) -> BaseException:
    """What SQLAlchemy raises for an error of the driver; it does not see what COPY does."""
    dialect: Any = connection.dialect
    is_lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if is_lost:
        connection.invalidate(error)
    wrapped: BaseException = DBAPIError.instance(
        statement,
        None,
        error,
        dialect.dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=dialect,
    )
    return wrapped
