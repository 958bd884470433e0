"""Papers."""

from __future__ import annotations

from schemas.fields import Choice, Day, Id, Telephone, Text, Wire


class PaperIn(Wire):
    """`phone` is the township's, for complaints and for another person; the notice also says from when and where."""

    client_id = Id(required=True)
    paper = Choice(["cards", "notice"], required=True)
    region_id = Id(required=True)
    phone = Telephone(required=True)
    place = Text(60, load_default=None, allow_none=True)
    first_on = Day(load_default=None, allow_none=True)
