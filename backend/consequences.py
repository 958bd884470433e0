"""What follows from an action, in the same transaction: one table, read by `services.audit.record`.

An area may not call the areas to its right; what they do when something has happened stands here instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.rules.audit import Action
from backend.services import accounts, assignments
from backend.services.audit import Follow

CONSEQUENCES: Mapping[Action, Sequence[Follow]] = {
    Action.ACCOUNT_BIND: (accounts.end_sessions_after_binding,),
    Action.PERSON_EXEMPT: (assignments.settle_links,),
    Action.PERSON_LEAVE: (assignments.settle_links,),
    Action.PERSON_TRANSFER: (assignments.settle_links,),
}
