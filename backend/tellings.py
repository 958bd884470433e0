"""How each kind of message is told: one table, read by `services.messages`, which knows nothing of the areas."""

from __future__ import annotations

from collections.abc import Mapping

from backend.rules.messages import MessageKind
from backend.services import assignments
from backend.services.messages import Telling

TELLINGS: Mapping[MessageKind, Telling] = {
    MessageKind.MEMBER_LINKS_ENDED: assignments.tell_links_ended,
}
