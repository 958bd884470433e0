"""How a cell of each kind is read: texts, names, telephone numbers, days, words of a list, whole numbers.

Every reader takes a cell that is not blank, gives the value, or raises Unreadable with a sentence that says the way out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from backend.rules import texts
from backend.sheets.cleaning import compact, is_garbled, private_character
from backend.sheets.columns import Cell, Unreadable
from backend.sheets.places import group_key, place_key, village_key

YEARS = range(1900, 2201)
DAY_HELP = "日期请写成 2026-11-08；只知道月份时写 2026-11，按当月 1 日算。"

_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_DOT = re.compile("[·•‧∙⋅・･●．᛫・]")
_PLAIN_DOT_IN_NAME = re.compile(f"(?<=[{_HAN}])\\.(?=[{_HAN}])")
_LATIN_GAP = re.compile(r"(?<=[A-Za-zÀ-ɏ]) (?=[A-Za-zÀ-ɏ])")
_SEVERAL = re.compile("[、,，;；/／\\\\|\n]")
_ALL_HAN_OR_DOT = re.compile(f"[{_HAN}·]+")

_DASHES = re.compile("[\u2010-\u2015\u2212\u2500\uff0d_]")
_CHINA_PREFIX = re.compile(r"(?:\+86|0086|86(?=[ -]?1[3-9]\d[\d -]{8,}$))[ -]*")
_AS_FLOAT = re.compile(r"\d+\.0*|\d\.\d+[Ee]\+?\d{1,2}")
_SEVERAL_NUMBERS = re.compile(r"\d{7,}\D+\d{7,}")

_DAY = re.compile(
    r"(\d{4}) ?[-/.年] ?(\d{1,2})(?: ?[-/.月] ?(\d{1,2}) ?[日号]?| ?月)?(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_DAY_IN_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WITHOUT_CENTURY = re.compile(r"\d{1,2} ?[-/.年月] ?\d{1,2}(?: ?[-/.月日] ?\d{1,4})? ?[日号年]?")
_YEAR_ONLY = re.compile(r"\d{4} ?年?")
#: Days are counted from here; 1900 counts a 29 February that never was, so the first 59 days count from a day later.
_SINCE_1900, _SINCE_1904 = date(1899, 12, 30), date(1904, 1, 1)


def _readable(text: str) -> str:
    strange = private_character(text)
    if strange is not None:
        raise Unreadable(
            f"第 {text.index(strange) + 1} 个字是造字，别的电脑上显示不出来。请换成标准字库里的字；"
            "打不出来的，可用同音字代替，并在备注里说明。",
            "cell.private",
        )
    if is_garbled(text):
        raise Unreadable("有乱码，原来的字已经丢失。请重新填写这一格。", "cell.garbled")
    return text


def text(most: int, *, lines: bool = False) -> Callable[[Cell], str]:
    """A reader of free text of at most `most` characters, in which no number of an identity card or bank card stands.
    Line breaks within the cell become spaces, unless `lines` keeps them."""

    def read(cell: Cell) -> str:
        found = _readable(cell.text if lines else cell.text.replace("\n", " "))
        if texts.holds_card_number(found):
            raise Unreadable("像是身份证号或银行卡号，请删去；这里不能写。", "cell.card")
        if len(found) > most:
            raise Unreadable(f"最多 {most} 个字，现在有 {len(found)} 个，请缩短。", "cell.long")
        return found

    return read


def person_name(most: int = 50) -> Callable[[Cell], str]:
    """A reader of one person's name: 张 三 is 张三, every middle dot is ·, a rare character stays what it is."""

    def read(cell: Cell) -> str:
        found = _PLAIN_DOT_IN_NAME.sub("·", _DOT.sub("·", _readable(cell.text)))
        if not _ALL_HAN_OR_DOT.fullmatch(found):
            if _SEVERAL.search(found.replace("\n", "")):
                raise Unreadable("一格只写一个人的姓名，请分成几行。", "cell.name")
            if sum(sign.isdigit() for sign in found) >= 5 or found.isdigit():
                raise Unreadable("这里应为姓名，不能写号码或数字。", "cell.name")
            found = _LATIN_GAP.sub("\0", found)
            found = "".join(found.split()).replace("\0", " ")
        found = found.strip("·")
        if not found:
            raise Unreadable("没有写出姓名，请填写。", "cell.name")
        if len(found) > most:
            raise Unreadable(f"姓名最多 {most} 个字，现在有 {len(found)} 个，请检查。", "cell.long")
        return found

    return read


def telephone(cell: Cell) -> str:
    """A reader of one telephone number, under the rule of the API; numbers that Excel took for figures are put back."""
    if cell.text.isascii() and cell.text.isdigit() and (usual := texts.telephone(cell.text)):
        return usual
    found = _DASHES.sub("-", unicodedata.normalize("NFKC", cell.text)).strip()
    if "e" in found or "E" in found or "." in found:
        found = _digits_of_figure(found)
    found = _CHINA_PREFIX.sub("", found, count=1) if found.startswith(("+86", "0086", "86")) else found
    number = texts.telephone(found)
    if number is None:
        if _SEVERAL_NUMBERS.search(found) and not re.fullmatch(r"[\d\s()-]{7,16}", found):
            raise Unreadable("一格只写一个电话号码，请只留常用的一个。", "cell.telephone")
        count = sum(sign.isdigit() for sign in found)
        if found.startswith("1") and count != 11 and found.isdigit():
            raise Unreadable(f"手机号应为 11 位，现在有 {count} 位，请核对。", "cell.telephone")
        raise Unreadable("应为 11 位手机号，或区号加座机号，例如 028-87654321。", "cell.telephone")
    return number


def _digits_of_figure(found: str) -> str:
    """13812345678.0 and 1.3812345678E10 as digits; a rounded 1.38E+10 has lost its digits and nobody can give them back."""
    if not _AS_FLOAT.fullmatch(found):
        return found
    try:
        figure = Decimal(found)
    except InvalidOperation:
        return found
    written = len(found.partition("E")[0].partition("e")[0].replace(".", ""))
    if "e" in found.lower() and written < len(str(int(figure))):
        raise Unreadable(
            "号码被表格软件变成了科学计数，后面的数字已经丢失。请把这一列设为文本格式，再重新填写。", "cell.telephone"
        )
    return str(int(figure))


def day(cell: Cell) -> date:
    """A reader of one day, also when the cell holds a month (its first day) or Excel's count of days."""
    value = cell.value
    if isinstance(value, datetime):
        return _in_range(value.date())
    if isinstance(value, date):
        return _in_range(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _in_range(_day_of_number(value, cell))
    found = _DASHES.sub("-", unicodedata.normalize("NFKC", cell.text)).strip()
    match = _DAY.fullmatch(found) or _DAY_IN_DIGITS.fullmatch(found)
    if match:
        return _day_of(int(match[1]), int(match[2]), int(match[3] or 1))
    if _YEAR_ONLY.fullmatch(found):
        raise Unreadable("只有年份，请写到月或日，例如 2026-11 或 2026-11-08。", "cell.date")
    if _WITHOUT_CENTURY.fullmatch(found):
        raise Unreadable("看不出是哪一年哪一月，年份请写四位，例如 2026-11-08。", "cell.date")
    raise Unreadable("看不懂这个日期，请写成 2026-11-08。", "cell.date")


def _day_of(year: int, month: int, number: int) -> date:
    if year not in YEARS:
        raise Unreadable(f"年份应在 {YEARS[0]} 到 {YEARS[-1]} 之间，请核对。", "cell.date")
    try:
        return date(year, month, number)
    except ValueError:
        raise Unreadable(f"没有 {year} 年 {month} 月 {number} 日这一天，请核对。", "cell.date") from None


def _in_range(found: date) -> date:
    return _day_of(found.year, found.month, found.day)


def _day_of_number(value: float, cell: Cell) -> date:
    whole = int(value)
    # A plain 2026 is a year that somebody typed, not the 2,026th day of Excel, and 20261108 is a day in digits.
    if value == whole and whole in YEARS:
        raise Unreadable("只有年份，请写到月或日，例如 2026-11 或 2026-11-08。", "cell.date")
    if value == whole and 10_000_000 <= whole <= 99_999_999:
        return _day_of(whole // 10_000, whole // 100 % 100, whole % 100)
    if value != whole and whole in YEARS:
        month = cell.text.partition(".")[2]
        if month == "1" or len(month) > 2:
            # Excel shows 2026.10 as 2026.1, so this may be January and October.
            raise Unreadable("看不出是 1 月还是 10 月，请写成 2026-01 或 2026-10。", "cell.date")
        return _day_of(whole, int(month), 1)
    since = _SINCE_1904 if cell.date1904 else _SINCE_1900
    if not cell.date1904 and whole < 61:
        if whole == 60:
            raise Unreadable("没有 1900 年 2 月 29 日这一天，请核对。", "cell.date")
        since += timedelta(1)
    if not 1 <= whole <= 110_000:
        raise Unreadable("看不懂这个日期，请写成 2026-11-08。", "cell.date")
    return since + timedelta(whole)


def choice(words: Mapping[str, Any], synonyms: Mapping[str, Any] | None = None) -> Callable[[Cell], Any]:
    """A reader of one word of a list, as its code. `words` are the ones shown, `synonyms` are taken as well."""
    codes = {_word(word): code for word, code in {**words, **(synonyms or {})}.items()}
    sentence = "只能填：" + "、".join(words) + "。"

    def read(cell: Cell) -> Any:
        try:
            return codes[cell.text.lower()]
        except KeyError:
            pass
        try:
            return codes[_word(cell.text)]
        except KeyError:
            raise Unreadable(sentence, "cell.choice") from None

    return read


def _word(text: str) -> str:
    return unicodedata.normalize("NFKC", compact(text)).lower()


#: 是 and 否 and what people write instead.
yes_no = choice(
    {"是": True, "否": False},
    dict.fromkeys(("有", "对", "√", "✓", "✔", "y", "yes", "true", "1"), True)
    | dict.fromkeys(("无", "没有", "不是", "×", "✗", "✘", "x", "n", "no", "false", "0"), False),
)


def whole(least: int, most: int, units: str = "人口户个岁名") -> Callable[[Cell], int]:
    """A reader of a whole number within bounds; a unit after it, such as 5人, is left out."""
    figure = re.compile(rf"(-?\d{{1,12}})(?:\.0*)?[{units}]?")
    sentence = f"应为 {least} 到 {most} 的整数。"

    def read(cell: Cell) -> int:
        found = figure.fullmatch(unicodedata.normalize("NFKC", compact(cell.text)))
        if found is None or not least <= int(found[1]) <= most:
            raise Unreadable(sentence, "cell.number")
        return int(found[1])

    return read


__all__ = [
    "DAY_HELP", "YEARS", "choice", "day", "group_key", "person_name", "place_key", "telephone", "text", "village_key",
    "whole", "yes_no",
]  # fmt: skip
