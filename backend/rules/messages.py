"""Rules of messages: their kinds, and how long each is worth telling (docs/rules.md M1)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class MessageKind(StrEnum):
    """What a message is about."""

    MEMBER_LINKS_ENDED = "member_links_ended"


#: After so long a message is stale: it stays in the inbox, and is sent nowhere any more.
LIFETIME: dict[MessageKind, timedelta] = {MessageKind.MEMBER_LINKS_ENDED: timedelta(days=15)}
