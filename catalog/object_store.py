"""Objects by key in a store that several machines share: a folder, or S3 by its protocol.

What is written is there whole or not at all, and `put_new` writes only where nothing is yet: of two
that write one key at once one succeeds (If-None-Match of RFC 9110, section 13.1.2; in a folder
link(2)). Endpoint, region and keys of S3 come from the usual AWS_* environment variables.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")

_RETRY: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_CLIENT: Any = {"connect_timeout": "5s", "timeout": "300s"}  # the latter for a whole checkpoint
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_LISTED = 1000  # objects that S3 names at once
_CODE = re.compile(r"<Code>(\w+)</Code>")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NO_BUCKET = "NoSuchBucket"
# S3's answers as people say them.
_REASONS = {
    _NO_BUCKET: "there is no such bucket",
    "AccessDenied": "access is denied",
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key is wrong",
}


class StoreUnavailable(OSError):
    """A store cannot be reached, read or written; the message says why."""


class UnknownStore(StoreUnavailable):
    """What names a store is no URL of one, or the library for it is not installed."""


@dataclass(frozen=True)
class ObjectInfo:
    """An object without its bytes; `size` in bytes, `etag` names them where the store has one."""

    key: str
    size: int
    modified: datetime
    etag: str | None


@dataclass(frozen=True)
class StoredObject:
    """An object and its bytes, of the same moment."""

    info: ObjectInfo
    content: bytes


class ObjectStore:
    """A store of obstore's, with errors as sentences; safe to use from several threads.

    `url` names it to people. Every method raises StoreUnavailable.
    """

    def __init__(self, url: str, store: Any) -> None:
        self.url = url
        self._store = store

    def shown(self, key: str) -> str:
        """Where an object lies, as people read it."""
        return f"{self.url.rstrip('/')}/{key}"

    def get(self, key: str, most: int | None = None) -> StoredObject | None:
        """An object; None where there is none, or one of more than `most` bytes."""

        def read() -> StoredObject | None:
            found = _obstore().get(self._store, key)
            if most is not None and found.meta["size"] > most:
                return None
            return StoredObject(_info(found.meta), bytes(found.bytes()))

        return self._found(read)

    def read_range(self, info: ObjectInfo, start: int, length: int) -> bytes:
        """Bytes of an object as it was found, from `start` on.

        Raises FileNotFoundError where it is gone, or another one by now.
        """
        from obstore.exceptions import PreconditionError

        options: dict[str, Any] = {"range": (start, start + length)}
        if info.etag is not None:
            options["if_match"] = info.etag

        def read() -> bytes | None:
            try:
                return bytes(_obstore().get(self._store, info.key, options=options).bytes())
            except PreconditionError:
                return None

        content = self._found(read)
        if content is None:
            raise FileNotFoundError(f"{self.shown(info.key)} is no longer there as it was")
        return content

    def download(self, key: str, target: Path) -> bool:
        """Write an object's bytes to a file; False where there is none."""

        def read() -> bool:
            found = _obstore().get(self._store, key)
            with target.open("wb") as file:
                for piece in found.stream():
                    file.write(piece)
            return True

        return self._found(read) or False

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object without reading it; None where there is none."""
        return self._found(lambda: _info(_obstore().head(self._store, key)))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects of a folder and all below it, in no order."""
        with self._translated():
            listed = _obstore().list(self._store, prefix or None, chunk_size=_LISTED)
            for part in listed:
                yield from map(_info, part)

    def put_new(self, key: str, content: bytes | Path) -> bool:
        """Write an object unless there is one; whether it was written."""
        return self._put(key, content, "create")

    def replace(self, info: ObjectInfo, content: bytes | Path) -> bool:
        """Write in the place of an object as it was found; False where another did so first.

        A folder cannot compare and write at once: there the last one wins.
        """
        try:
            return self._put(info.key, content, {"e_tag": info.etag})
        except NotImplementedError:
            return self._put(info.key, content, "overwrite")

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no error."""
        wanted = list(keys)
        for start in range(0, len(wanted), _LISTED):
            part = wanted[start : start + _LISTED]
            with self._translated():
                try:
                    _obstore().delete(self._store, part)
                except FileNotFoundError:  # a folder stops at the first that is gone
                    for key in part:
                        with suppress(FileNotFoundError):
                            _obstore().delete(self._store, key)

    def _put(self, key: str, content: bytes | Path, mode: Any) -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translated():
            try:
                _obstore().put(self._store, key, content, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            except FileNotFoundError as error:  # what is written to is not there
                raise self._unavailable(error) from error
        return True

    def _found(self, read: Callable[[], T]) -> T | None:
        with self._translated():
            try:
                return read()
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise self._unavailable(error) from error
                return None

    def _translated(self) -> _Translated:
        return _Translated(self)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"The store {self.url} cannot be used: {_reason(error)}.")


class _Translated:
    """Raises StoreUnavailable for what obstore raises; a class, so that generators can use it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from obstore.exceptions import BaseError

        if isinstance(error, BaseError):
            raise self._store._unavailable(error) from error


def check_url(url: str) -> None:
    """Raise UnknownStore where a URL names no store that this program knows."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc):
        return
    raise UnknownStore(f"a store is named as file:/srv/tellshow or s3://bucket/prefix, not {url!r}")


@functools.lru_cache
def open_store(url: str) -> ObjectStore:
    """The store of a URL, file:/FOLDER or s3://BUCKET/PREFIX; nothing is asked yet.

    Raises UnknownStore, and StoreUnavailable where a folder is not there: it is never made, as it
    may be a share that is not mounted.
    """
    check_url(url)
    parts = urlsplit(url)
    _obstore()
    from obstore.store import LocalStore, S3Store

    if parts.scheme == "s3":
        prefix = parts.path.strip("/") or None
        options: Any = {**_CLIENT, "allow_http": _is_plain_http()}
        store = S3Store(parts.netloc, prefix=prefix, client_options=options, retry_config=_RETRY)
        return ObjectStore(url, store)
    folder = Path(unquote(parts.path))
    if not folder.is_dir():
        raise StoreUnavailable(
            f"The store {url} cannot be used: there is no folder {folder}; make it, or mount it."
        )
    return ObjectStore(url, LocalStore(folder))


def _is_plain_http() -> bool:
    """Whether the endpoint that was named is one without TLS, as tests and private networks have.

    Nobody else's word is taken for it.
    """
    named = (os.environ.get(name) for name in _ENDPOINTS)
    return next((url for url in named if url), "").startswith("http://")


def _obstore() -> Any:
    try:
        import obstore
    except ModuleNotFoundError as error:
        raise UnknownStore(
            "a shared store needs obstore, which is not installed: run pip install "
            "'tellshow[store]'"
        ) from error
    return obstore


def _info(meta: Any) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


def _reason(error: Exception) -> str:
    """What went wrong in few words, of an error that tells of every attempt and its source."""
    text = str(error)
    code = _CODE.search(text)
    if code is not None:
        return _REASONS.get(code[1], code[1])
    first = text.strip().partition("\n")[0]
    return first.rpartition(" - ")[2].strip().rstrip(".")
