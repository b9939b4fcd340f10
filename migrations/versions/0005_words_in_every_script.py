"""Words of names apart from those of captions, cut in every script, and what stands inside them.

What is stored by now is cut anew, by a copy of the rules of catalog/words.py as they were at this
revision: no model runs. Printed as SQL it makes the table and the index only.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 500

_COLUMNS = ("names", "joined", "grams", "captions")
_TRIGGER = "CREATE TRIGGER photo_text_fts_{event} AFTER {event} ON photo_text BEGIN {body} END"
# What a trigger does, for the columns given. FTS5 keeps no text of its own here, so it has to be
# given the text of a row that it removes.
_ADD = "INSERT INTO photo_text_fts (rowid, {columns}) VALUES (new.photo_id, {new});"
_DROP = (
    "INSERT INTO photo_text_fts (photo_text_fts, rowid, {columns}) "
    "VALUES ('delete', old.photo_id, {old});"
)
_GIN = {
    "photo_text_fts": "string_to_array(names || ' ' || joined, ' ')",
    "photo_text_fts_grams": "string_to_array(grams, ' ')",
    "photo_text_fts_captions": "string_to_array(captions, ' ')",
}

# No database indexes words of any length; what is cut off is cut off in queries, too.
_MOST_CHARACTERS = 200
_GRAM = 3

# Stands before what a file as a whole is named; the folding leaves it in no word.
_FILE = "\N{FULLWIDTH EQUALS SIGN}"

# Optional marks, variation selectors, skin tones, and characters that nobody sees.
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0730-\u074a"
    "\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U0001f3fb-\U0001f3ff"
    "\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
# Letters that Unicode does not take apart: of Latin as PostgreSQL's `unaccent` has them; of Arabic
# and Persian as Lucene's normalisers do.
_ALIKE = str.maketrans(
    {
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H",
        "ŧ": "t", "Ŧ": "T", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae",
        "œ": "oe", "Œ": "Oe", "ŋ": "n", "Ŋ": "N",
        "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
        "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH GOAL}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH DOACHASHMEE}": "\N{ARABIC LETTER HEH}",
    }
)  # fmt: skip
# Scripts that are written without spaces, or where a word may be one character.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f"
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303c\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua980-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
_LETTER, _CHARACTER, _SYMBOL = range(3)
# What is written together in a name: LisbonTrip2019 -> Lisbon, Trip, 2019.
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\dA-Z]+|[A-Z]")


def upgrade() -> None:
    """Make the table and its index anew, and note the words of the photos that are there."""
    _drop_table()
    _create_table(_COLUMNS)
    if not context.is_offline_mode():
        _fill()
    if op.get_context().dialect.name == "sqlite":
        # The words were cut before: the tokeniser has to part them at the spaces alone.
        _create_fts5(_COLUMNS, "ascii", ", detail='column'")
    else:
        for name, words in _GIN.items():
            op.execute(f"CREATE INDEX {name} ON photo_text USING gin (({words}))")


def downgrade() -> None:
    """Put all words together again, as they are cut now."""
    op.execute(
        "CREATE TABLE photo_words AS "
        "SELECT photo_id, names || ' ' || captions AS words FROM photo_text"
    )
    _drop_table()
    _create_table(("words",))
    op.execute("INSERT INTO photo_text (photo_id, words) SELECT photo_id, words FROM photo_words")
    op.drop_table("photo_words")
    if op.get_context().dialect.name == "sqlite":
        _create_fts5(("words",), "unicode61 remove_diacritics 0", "")
    else:
        op.execute(
            "CREATE INDEX photo_text_fts ON photo_text USING gin (to_tsvector('simple', words))"
        )


def _drop_table() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE photo_text_fts")
    op.drop_table("photo_text")


def _create_table(columns: Iterable[str]) -> None:
    op.create_table(
        "photo_text",
        sa.Column("photo_id", sa.Integer, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in columns),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photo_text"),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photo.id"],
            name="fk_photo_text_photo_id_photo",
            ondelete="CASCADE",
        ),
    )


def _create_fts5(columns: tuple[str, ...], tokeniser: str, options: str) -> None:
    listed = ", ".join(columns)
    op.execute(
        f"CREATE VIRTUAL TABLE photo_text_fts USING fts5({listed}, content='photo_text', "
        f"content_rowid='photo_id', tokenize='{tokeniser}'{options})"
    )
    op.execute("INSERT INTO photo_text_fts (photo_text_fts) VALUES ('rebuild')")
    new, old = (", ".join(f"{row}.{name}" for name in columns) for row in ("new", "old"))
    add, drop = (each.format(columns=listed, new=new, old=old) for each in (_ADD, _DROP))
    for event, body in {"INSERT": add, "DELETE": drop, "UPDATE": f"{drop} {add}"}.items():
        op.execute(_TRIGGER.format(event=event, body=body))


def _fill() -> None:
    connection = op.get_bind()
    photo_text = sa.table("photo_text", *map(sa.column, ("photo_id", *_COLUMNS)))
    last = 0
    while rows := list(_words_after(connection, last)):
        connection.execute(sa.insert(photo_text), rows)
        last = rows[-1]["photo_id"]


def _words_after(connection: sa.Connection, last: int) -> Iterator[dict[str, Any]]:
    """The words of the next photos, in order of id."""
    query = sa.text(
        "SELECT photo.id, root.path, photo.path, caption.text "
        "FROM (SELECT * FROM photo WHERE id > :last ORDER BY id LIMIT :batch) AS photo "
        "JOIN root ON root.id = photo.root_id LEFT JOIN caption ON caption.photo_id = photo.id "
        "ORDER BY photo.id, caption.model_id, caption.rank"
    )
    found = connection.execute(query, {"last": last, "batch": BATCH}).all()
    for key, group in groupby(found, key=lambda row: row[0]):
        rows = list(group)
        captions = [caption for _, _, _, caption in rows if caption is not None]
        yield {"photo_id": key, **_words_of_photo(rows[0][1], rows[0][2], captions)}


def _words_of_photo(root: bytes, path: bytes, captions: Iterable[str]) -> dict[str, str]:
    """All words that a photo at `path` below an indexed folder `root` is found by."""
    below = _shown(os.path.join(os.path.basename(root), path)).split(os.sep)
    folders = [_joined_words(name) for name in below[:-1]]
    stem, whole = (_joined_words(name) for name in (os.path.splitext(below[-1])[0], below[-1]))
    return {
        "names": _text(word for name in below for word in _words_of_name(name)),
        "joined": _text([stem, whole, *(_FILE + name for name in (stem, whole) if name), *folders]),
        "grams": _text(gram for word in (whole, *folders) for gram in _grams_of(word)),
        "captions": _text(word for caption in captions for word in map(_folded, _cut(caption))),
    }


def _grams_of(word: str) -> tuple[str, ...]:
    """What a folded word and every longer one around it have, each once; none for a short one.

    That is each character of scripts without spaces and each symbol, and each three characters of
    the rest (n-grams, as in PostgreSQL's pg_trgm, which not every server lets one install).
    """
    grams = list[str]()
    for kind, stretch in _stretches(word):
        if kind != _LETTER:
            grams += stretch
        else:
            grams += (stretch[at : at + _GRAM] for at in range(len(stretch) - _GRAM + 1))
    return tuple(dict.fromkeys(grams))


def _joined_words(text: str) -> str:
    """All words of a text as one: "Zürich, IMG_2041" -> zurichimg2041."""
    return "".join(map(_folded, _cut(text)))[:_MOST_CHARACTERS]


def _shown(path: bytes) -> str:
    return os.fsdecode(path).encode("utf-8", "replace").decode()


class _Folded(dict[int, str]):
    """What stands for each character of a decomposed text, found out once and kept."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


class _Kinds(dict[str, int]):
    """The kind of each character of a word, found out once and kept."""

    def __missing__(self, character: str) -> int:
        is_character = _UNSPACED.match(character)
        kind = _CHARACTER if is_character else _SYMBOL if _is_symbol(character) else _LETTER
        self[character] = kind
        return kind


_FOLDED = _Folded()
_KINDS = _Kinds()


def _fold(character: str) -> str:
    category = unicodedata.category(character)
    if "\U000e0020" <= character <= "\U000e007f":  # tags: of England's flag, for one
        return character
    if _DROPPED.match(character) or (category == "Cf" and character != "\N{ZERO WIDTH SPACE}"):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    is_word = category[0] in "LMN" or _is_symbol(character)
    return character.translate(_ALIKE) if is_word else " "


def _is_symbol(character: str) -> bool:
    # Emoji that are newer than this Python's tables are not assigned there.
    category = unicodedata.category(character)
    is_kind = category[0] == "S" or category in ("Co", "Cn")
    return is_kind and not character.isascii() and character != "\N{FRACTION SLASH}"


def _cut(text: str) -> list[str]:
    """The words of a text in their order, folded but for capitals."""
    text = unicodedata.normalize("NFKD", text).translate(_FOLDED)
    # Composed again, kana and Hangul are one character each.
    return unicodedata.normalize("NFC", text).split()


def _folded(word: str) -> str:
    return word.casefold()[:_MOST_CHARACTERS]


def _words_of_name(name: str) -> Iterator[str]:
    for word in _cut(name):
        yield _folded(word)
        for kind, stretch in _stretches(word):
            yield from map(_folded, _PART.findall(stretch) if kind == _LETTER else [stretch])


def _stretches(word: str) -> Iterator[tuple[int, str]]:
    """Characters in a row of one kind, with the kind."""
    if word.isascii():
        yield _LETTER, word
        return
    for kind, stretch in groupby(word, _KINDS.__getitem__):
        yield kind, "".join(stretch)


def _text(words: Iterable[str]) -> str:
    return " ".join(filter(None, dict.fromkeys(words)))
