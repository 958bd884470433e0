"""Files: keeping them sealed for some days, and giving them back to whose they are (docs/rules.md I5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from backend import problems
from backend.crypto import vault
from backend.gateways.storage import Storage, StorageError
from backend.http.viewer import Viewer
from backend.rules.audit import Action
from backend.rules.files import KEPT, LEFT_OVER
from backend.services import audit
from backend.settings import CHINA
from models import files
from models.files import StoredFile

log = structlog.get_logger("files")
_storage: Storage | None = None


def configure(url: str) -> None:
    """Set the storage of this process, once at start."""
    global _storage
    _storage = Storage(url)


def _store() -> Storage:
    if _storage is None:
        raise RuntimeError("files.configure() was not called")
    return _storage


async def keep(account_id: UUID, file_id: UUID, name: str, content: bytes, now: datetime) -> None:
    """Keep a file for its owner. The content is there before the row is committed, so that a row is never without;
    content whose row was taken back goes with the others of its age. Raises StorageAway."""
    await StoredFile.create(
        id=file_id,
        account_id=account_id,
        name_sealed=vault().seal(name, "stored_file", "name", file_id),
        byte_count=len(content),
        expires_at=now + KEPT,
    )
    try:
        await _store().put(file_id, vault().seal_bytes(content, "stored_file", "content", file_id))
    except StorageError as error:
        log.warning("storage_away", kind=str(error))
        raise problems.StorageAway(retry_after=60) from None


async def send(viewer: Viewer, file_id: UUID, name: str, content: bytes) -> tuple[dict[str, Any], bool]:
    """Take a file from a viewer; (receipt, whether it is new). The same id again gives the same receipt."""
    assert viewer.account_id is not None
    known = await files.find_of(file_id, viewer.account_id)
    is_new = known is None
    if is_new:
        await keep(viewer.account_id, file_id, name, content, viewer.now)
        await audit.record(viewer, Action.FILE_SEND, file_id)
        known = await files.find_of(file_id, viewer.account_id)
    assert known is not None
    if known["byte_count"] != len(content):
        raise problems.ClientIdReused()
    return {
        "id": file_id,
        "byte_count": known["byte_count"],
        "expires_at": known["expires_at"].astimezone(CHINA),
    }, is_new


async def get(file_id: UUID, account_id: UUID) -> None:
    """Make sure that an account has this file. Raises FileNotFound."""
    if await files.find_of(file_id, account_id) is None:
        raise problems.FileNotFound()


async def read(file_id: UUID, account_id: UUID) -> tuple[str, bytes]:
    """Name and content of a file of an account. Raises FileNotFound, StorageAway."""
    found = await files.find_of(file_id, account_id)
    if found is None:
        raise problems.FileNotFound()
    try:
        sealed = await _store().get(file_id)
    except StorageError as error:
        log.warning("storage_away", kind=str(error))
        raise problems.StorageAway(retry_after=60) from None
    if sealed is None:
        raise problems.FileNotFound()
    name = vault().open(bytes(found["name_sealed"]), "stored_file", "name", file_id)
    return name, vault().open_bytes(sealed, "stored_file", "content", file_id)


async def remove_expired(now: datetime) -> int:
    """Remove the content of files whose days are over; returns how many. Stopped, it goes on when run again."""
    removed = await files.expired(now, 1000)
    for file_id in removed:
        await _store().delete(file_id)
        await files.mark_removed(file_id)
    for file_id in await _store().older_than(now - KEPT - LEFT_OVER):
        await _store().delete(file_id)
    return len(removed)
