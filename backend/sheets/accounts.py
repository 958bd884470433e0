"""The sheet of accounts: who signs in to the console, and whose phone is invited."""

from __future__ import annotations

from backend.permissions import ROLES, Role
from backend.sheets.columns import Column, Sheet
from backend.sheets.values import choice, person_name, telephone, text

_GIVEN = {words: role for role, words in ROLES.items() if role is not Role.ADMINISTRATOR}

ACCOUNTS = Sheet(
    "accounts",
    "账号",
    (
        Column("role", "角色", choice(_GIVEN), required=True, aliases=("身份",), choices=tuple(_GIVEN), example="支部书记",
               help="党员得到手机绑定用的邀请码，其余得到电脑登录用的账号。"),
        Column("place", "地点", text(60), required=True, aliases=("单位", "支部", "所在支部", "范围"), example="河东村党支部",
               help="支部书记和党员写支部，其余写乡镇或村。"),
        Column("name", "姓名", person_name(30), aliases=("党员姓名",), example="张三",
               help="党员和支部书记要写，须已在“党员和网格员”里。"),
        Column("phone", "手机号", telephone, aliases=("电话", "手机"), example="", help="同名时用来分清。"),
        Column("login", "登录名", text(40), aliases=("账号",), example="hedong",
               help="电脑登录用，字母和数字；党员不用填。"),
    ),
    notes=("密码、动态码和邀请码只在导入后的结果文件里给一次，请当面交给本人，用完删除文件。",),
)  # fmt: skip
