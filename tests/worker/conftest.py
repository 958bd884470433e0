"""The services on a database of the test's own, where they really commit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tortoise.context import TortoiseContext

from backend import consequences, crypto
from backend.services import audit
from models import database
from tests.world import settings_for


@pytest.fixture
async def here(own_database: str) -> AsyncIterator[str]:
    """Its URL."""
    settings = settings_for(own_database)
    crypto.configure(settings.secret_keys)
    audit.install(consequences.CONSEQUENCES)
    async with TortoiseContext() as context:
        await context.init(config=database.tortoise_config(settings))
        yield own_database
