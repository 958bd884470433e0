"""Sending a sheet in as a user does, and doing what the worker would do."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import xlsxwriter

from backend.services import runs
from backend.worker.jobs import WORKS
from tests.world import NOW, World


def workbook(headers: Sequence[str], *rows: Sequence[Any]) -> bytes:
    """A plain .xlsx of one sheet."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    page = book.add_worksheet()
    for number, row in enumerate([headers, *rows]):
        page.write_row(number, 0, row)
    book.close()
    return buffer.getvalue()


def called(name: str = "名册.xlsx") -> dict[str, str]:
    """The header that says how a file is called."""
    return {"X-File-Name": quote(name)}


async def send(client: httpx.AsyncClient, world: World, by: str, content: bytes, name: str = "名册.xlsx") -> str:
    """The id of a file that was sent."""
    file_id = str(uuid4())
    answer = await client.post(
        "/files", params={"client_id": file_id}, content=content, headers=world.headers(by) | called(name)
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == file_id
    return file_id


async def bring_in(
    client: httpx.AsyncClient,
    world: World,
    by: str,
    kind: str,
    content: bytes,
    mode: str = "apply",
    name: str = "名册.xlsx",
) -> dict[str, Any]:
    """What an import left, once the worker has done it: the run with `faults`, as the importer sees it."""
    file_id = await send(client, world, by, content, name)
    body = {"client_id": str(uuid4()), "kind": kind, "file_id": file_id, "mode": mode}
    answer = await client.post("/imports", json=body, headers=world.headers(by))
    assert answer.status_code == 201, answer.text
    await runs.perform(UUID(body["client_id"]), WORKS, NOW)
    seen = await client.get(f"/imports/{body['client_id']}", headers=world.headers(by))
    assert seen.status_code == 200, seen.text
    found: dict[str, Any] = seen.json()
    return found


def counts(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """(new, changed, same, faults) of a run that was done."""
    assert found["run"]["state"] == "done", (found["run"]["problem"], found["run"]["sentence"])
    told = found["run"]["counts"]
    assert told["faults"] == 0, found["faults"]
    return told["new"], told["changed"], told["same"], told["faults"]
