"""Papers: having contact cards or the notice of a village printed, and the page to which a card leads."""

from __future__ import annotations

from html import escape
from typing import Any

from sanic import Blueprint, HTTPResponse, Request
from sanic.response import html

from backend import problems
from backend.http.endpoint import Answer, endpoint, problem_response, request_id_of
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import papers
from backend.settings import CHINA
from handlers.pages import outside as outside
from schemas.papers import PaperIn
from schemas.runs import RunOut

blueprint = Blueprint("papers")


@blueprint.post("/papers")
@endpoint(
    may=Verb.CARD_PRINT,
    body=PaperIn,
    answer=RunOut,
    tx="write",
    statuses=(201, 200),
    raises=(problems.RegionNotFound, problems.ClientIdReused),
)
async def ask(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Have all contact cards, or the notice, of a place of one's own printed into one PDF.

    Every card has a code of its own; printing a household's card again makes its old card worthless.
    """
    if body["paper"] == papers.NOTICE and not (body["place"] and body["first_on"]):
        missing = [name for name in ("place", "first_on") if not body[name]]
        raise problems.Invalid(errors={name: ["公示要写明这一项"] for name in missing})
    made, is_new = await papers.ask(viewer, body)
    return Answer(made, 201 if is_new else 200)


_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>民情联系卡</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>body{{font:20px/1.7 serif;max-width:34em;margin:0 auto;padding:1em;color:#222}}h1{{font-size:1.4em}}
a{{color:#8a1c13}}dt{{color:#555}}dd{{margin:0 0 .6em;font-weight:bold}}</style></head><body><h1>民情联系卡</h1>{body}
<p>只记哪天来的、怎么联系的、谈了哪方面的事；不记位置，不拍照，不记身份证号，不记您对人对事的看法。</p>
<p>要投诉、更正、删除，或者想换一位联系人，请拨卡片上的号码，或<a href="/m/#/pages/feedback/feedback">在网上留言</a>，可以不留姓名。</p>
</body></html>"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@outside.get("/h/<code:str>")
async def card_page(request: Request, code: str) -> HTTPResponse:
    """What a household reads when it scans its card: who is linked to it, and what its rights are. No session, no script."""
    if "authorization" in request.headers:  # a card is the household's own, not a way around anybody's scope
        return problem_response(problems.Denied(), request_id_of(request))
    today = request.app.ctx.clock().astimezone(CHINA).date()
    shown = await papers.read_card(code[:80], today)
    if shown is None:
        body = "<p>这张卡已经换过新卡，或者号码没有输对。请拨卡片上的号码问一问。</p>"
        return html(_PAGE.format(body=body), status=404, headers=_HEADERS)
    member = shown["member"]
    told = (
        f"{escape(member.name)}，电话 {escape(member.phone) or '见卡片'}，{escape(member.branch)}"
        if member
        else "正在安排"
    )
    place = escape(f"{shown['village'] or ''}{shown['group_name']}")
    body = f"<dl><dt>住址</dt><dd>{place}</dd><dt>户主</dt><dd>{escape(shown['head_name'])}</dd><dt>联系您家的党员</dt><dd>{told}</dd></dl>"
    return html(_PAGE.format(body=body), headers=_HEADERS)
