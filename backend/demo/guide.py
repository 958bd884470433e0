"""What `make run` prints: the address, the accounts, and a walk through the main job to copy and paste."""

from __future__ import annotations

import shlex
from typing import Any

from backend import clients
from backend.permissions import ROLES

Facts = dict[str, Any]
#: The one-time code of a secret by the standard library alone; the secret is the only argument.
TOTP = (
    "import base64,hmac,struct,sys,time;"
    "d=hmac.digest(base64.b32decode(sys.argv[1]),struct.pack('>Q',int(time.time())//30),'sha1');"
    "print('%06d'%((int.from_bytes(d[(o:=d[-1]&15):o+4],'big')&0x7fffffff)%10**6))"
)
#: The token of an answer, or the sentence that says why there is none.
OR_WHY_NOT = 'import json,sys; a=json.load(sys.stdin); print(a["token"]) if "token" in a else sys.exit(a["detail"])'
#: A village's figures as one short line; the code of the village is the only argument.
LINE = (
    "import json,sys;a=json.load(sys.stdin);"
    "print(*(f\"{k} {m['numerator']}/{m['denominator']}\" for r in a['rows'] if r['code']==sys.argv[1]"
    " for k,m in r['metrics'].items()),sep='  ')"
)


def guide(demo: Facts, folder: str) -> str:
    """The text for what the demo.json of a run directory holds; `base_url` has to be filled in."""
    accounts = {one["account"]: one for one in demo["accounts"]}
    member = next(one for one in demo["members"] if one["bound"] and one["household_id"])
    return "\n".join(
        [
            f"演示镇：{demo['township']['name']}（虚构，数据截至 {demo['until']}）   地址：{demo['base_url']}",
            f"微信替身：{demo['standin_url'] or '未启动'}   接口说明：{demo['base_url']}/docs",
            *_pages(demo["base_url"]),
            f"全部账号与密钥在 {folder}/demo.json，命令行工具的环境在 {folder}/env（都仅本人可读）；例如核对数字：",
            f"  set -a; . {folder}/env; set +a; .venv/bin/python -m backend recount --check",
            "",
            *_table(demo),
            "",
            "走一遍主要工作（逐段复制到另一个终端）：",
            "",
            *_walk(demo, member, accounts["committee"], accounts["secretary1"]),
        ]
    )


def _pages(base_url: str) -> list[str]:
    if not all(clients.is_built(name) for name in clients.BUILT):
        return ["网页：没有构建（装好 Node 20 或更新版本后执行 make clients，不用重启）"]
    return [
        f"后台网页：{base_url}/console/   用下面的后台账号登录",
        f"党员手机：{base_url}/m/   用下面的 openid 登录（微信替身；H5 只是手机端的替身，真正用的是微信小程序）",
    ]


def _table(demo: Facts) -> list[str]:
    lines = ["后台账号（密码 + 一次性口令 TOTP 密钥）："]
    lines += [
        f"  {one['account']:<11} {one['password']}  {one['totp_secret']}  {ROLES[one['role']]}，{one['place_name']}"
        for one in demo["accounts"]
    ]
    lines.append("党员（微信登录码 standin:<openid>）：")
    lines += [
        f"  {one['openid']}  {one['branch_name']}  "
        + (f"未绑定，邀请码 {one['invite_code']}" if one["invite_code"] else "已绑定")
        for one in demo["members"]
    ]
    return lines


def _walk(demo: Facts, member: Facts, committee: Facts, secretary: Facts) -> list[str]:
    village, gap = demo["village"], demo["gap"]
    lines = [
        f"API={demo['base_url']}/api/v1",
        "post() { curl -sS -H 'Content-Type: application/json' \"$@\"; echo; }",
        f"token() {{ python3 -c {shlex.quote(OR_WHY_NOT)}; }}",
        f'totp() {{ python3 -c {shlex.quote(TOTP)} "$1"; }}',
        f'figures() {{ curl -sS -H "Authorization: Bearer $COMMITTEE" "$API/coverage?area={demo["township"]["code"]}'
        f'&period=$MONTH&level=village" | python3 -c {shlex.quote(LINE)} {village["code"]}; }}',
        "TODAY=$(TZ=CST-8 date +%F); MONTH=$(TZ=CST-8 date +%Y-%m)",
        "",
        f"# 1 镇党委登录，看{village['name']}本月的覆盖情况",
        _sign_in("COMMITTEE", committee),
        "figures",
        "",
        "# 2 党员微信登录，看自己联系的农户",
        f'MEMBER=$(post $API/auth/wechat -d \'{{"code":"standin:{member["openid"]}"}}\' | token)',
        'curl -sS -H "Authorization: Bearer $MEMBER" "$API/households?limit=3"; echo',
        "",
        "# 3 登记一次走访：编号由手机生成，再发一遍也只有一条",
        "ID=$(cat /proc/sys/kernel/random/uuid); NOTED=$(date -u +%FT%TZ)",
        'visit() { post $API/visits -H "Authorization: Bearer $MEMBER" -d \'{"client_id":"\'$ID\'","household_id":"'
        f'{member["household_id"]}","occurred_on":"\'$TODAY\'","noted_at":"\'$NOTED\'",'
        '"mode":"in_person","outcome":"met","topics":["nothing_new"]}\' -w " %{http_code}"; }',
        "visit; visit",
        "",
        "# 4 镇党委再看：第一次走时，走访与联系各多一户（make clean 后可从头再来）",
        "figures",
    ]
    if gap:
        lines += [
            "",
            "# 5 支部书记给一户没有人联系的农户结对，覆盖率随之变化（已结对的会答 409）",
            _sign_in("SECRETARY", secretary),
            'post $API/assignments -H "Authorization: Bearer $SECRETARY" -d \'{"household_id":"'
            f'{gap["household_id"]}","person_id":"{gap["person_id"]}","role":"primary","source":"appointed",'
            '"from":"\'$TODAY\'"}\'',
            "figures",
        ]
    return lines


def _sign_in(variable: str, account: Facts) -> str:
    return (
        f'{variable}=$(post $API/auth/password -d \'{{"account":"{account["account"]}","password":"{account["password"]}",'
        f'"totp":"\'$(totp {account["totp_secret"]})\'"}}\' | token)'
    )
