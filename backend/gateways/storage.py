"""Where files lie: a local folder or any S3, by one small set of verbs. What is stored here is sealed already."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store


class StorageError(Exception):
    """The storage does not answer, or refuses."""


class Storage:
    """Files by id. `STORAGE_URL` names the place; keys of an S3 come from the AWS_* variables as its tools have them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._store: Any
        if parts.scheme == "file":
            self._store = LocalStore(prefix=unquote(parts.path), mkdir=True)
        else:
            self._store = S3Store(
                parts.netloc, prefix=parts.path.strip("/") or None, config=cast("Any", dict(parse_qsl(parts.query)))
            )

    async def put(self, file_id: UUID, content: bytes) -> None:
        """Keep a file. Raises StorageError."""
        try:
            await obstore.put_async(self._store, str(file_id), content)
        except (BaseError, OSError) as error:
            raise StorageError(type(error).__name__) from None

    async def get(self, file_id: UUID) -> bytes | None:
        """A file, or None when there is none. Raises StorageError."""
        try:
            found = await obstore.get_async(self._store, str(file_id))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise StorageError(type(error).__name__) from None

    async def older_than(self, moment: datetime) -> list[UUID]:
        """Files that were written before a moment. Raises StorageError."""
        found = []
        try:
            async for page in obstore.list(self._store):
                found += [UUID(one["path"]) for one in page if one["last_modified"] < moment]
        except (BaseError, OSError) as error:
            raise StorageError(type(error).__name__) from None
        return found

    async def delete(self, file_id: UUID) -> None:
        """Remove a file; one that is not there is no fault. Raises StorageError."""
        try:
            await obstore.delete_async(self._store, str(file_id))
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise StorageError(type(error).__name__) from None
