"""Invented names: villages, hamlets and people. No real place and nobody real is meant."""

from __future__ import annotations

from random import Random

COUNTY, FIRST_TOWNSHIP = "演示县", "汀禾镇"

PHONES_OF_A_TOWNSHIP = 100_000
_TREES = "芦栎苇桑榆槐柘棠梨杏柿枫菱荷蒲芷樟椿楝枣"
_GROUND = "塘坪湾坡岗沟滩渡桥埠岭坞垄畈"
_HAMLETS = ("上", "下", "东", "西", "老", "新", "里", "外", "中", "后")
_HAMLET_PLACES = ("屋场", "院子", "堂前", "巷口", "圩埂", "井头", "碓房", "晒场")
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_FIRST = "建国志永德文海明春秀玉桂兰凤少庆家正立光宝长小云爱金红丽晓学新世景兴祖润思子若雨嘉天"
_SECOND = "华军平强林生伟英芳兰珍梅云霞燕勇斌波涛峰明亮辉荣贵福祥顺发才良友安宁清香琴娟莲花凤仙萍艳杰鹏飞宇轩涵怡彤"
_DIGITS = "零一二三四五六七八九"


def township_names(rng: Random, count: int) -> list[str]:
    """That many different township names, the same first ones whatever the count."""
    names = [tree + ground for tree in _TREES for ground in _GROUND]
    rng.shuffle(names)
    return [FIRST_TOWNSHIP, *(f"{name}镇" for name in names)][:count]


def village_names(rng: Random, count: int) -> list[str]:
    """That many different village names without the 村 at the end."""
    return rng.sample([tree + ground for tree in _TREES for ground in _GROUND], count)


def hamlet(rng: Random) -> str:
    """The name of a hamlet, for addresses."""
    return rng.choice(_HAMLETS) + rng.choice(_HAMLET_PLACES)


def person_name(rng: Random, surname: str | None = None) -> str:
    """An ordinary name; common surnames come more often."""
    family = surname or _SURNAMES[min(int(rng.expovariate(1 / 22)), len(_SURNAMES) - 1)]
    if rng.random() < 0.18:
        return family + rng.choice(_SECOND)
    return family + rng.choice(_FIRST) + rng.choice(_SECOND)


def numeral(number: int) -> str:
    """A Chinese numeral from 一 to 九十九."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十"
    return head + (_DIGITS[ones] if ones or not tens else "")


class Phones:
    """Telephone numbers, each given once, by each township its own. They begin with 154, which leads nowhere."""

    def __init__(self, township: int = 0) -> None:
        self._given = township * PHONES_OF_A_TOWNSHIP

    def next(self) -> str:
        """The next number; the factor shares no divisor with 10^8, so none comes twice."""
        self._given += 1
        return f"154{self._given * 79_245_433 % 10**8:08}"
