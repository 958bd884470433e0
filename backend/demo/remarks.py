"""What the invented visits were about: topics by season, and short notes that name nobody."""

from __future__ import annotations

from datetime import date
from itertools import accumulate
from random import Random

#: Topic -> weight in every month; the season adds its own.
_ALWAYS = {
    "needs": 5,
    "care": 5,
    "policy": 4,
    "environment": 4,
    "errand": 3,
    "safety": 3,
    "livelihood": 3,
    "mediation": 1,
}
_SEASON = {
    1: "care", 2: "care", 3: "environment", 4: "safety", 5: "relapse_check", 6: "relapse_check", 7: "emergency",
    8: "safety", 9: "policy", 10: "policy", 11: "policy", 12: "safety",
}  # fmt: skip
#: Month -> topics and their cumulated weights, those of the season on top.
_TOPICS = {
    month: (list(weights), list(accumulate(weights.values())))
    for month, season in _SEASON.items()
    for weights in [_ALWAYS | {season: _ALWAYS.get(season, 0) + 8}]
}
_SEEN = (
    "家里一切正常", "老人身体还好", "孩子已返校", "刚收完稻子", "院子收拾得干净", "正在翻修厨房", "儿女在外打工", "养了几头猪",
    "果园长势不错", "新装了热水器", "门口排水沟有点堵", "屋顶有几片瓦松动", "自来水压力偏小", "路灯有一盏不亮", "田埂被雨水冲垮一段",
)  # fmt: skip
_ASKED = (
    "问了医保缴费的办法", "想了解合作医疗报销", "打听公益性岗位", "问高标准农田什么时候动工", "想学电商卖果子", "问危房改造怎么申请",
    "希望村里修一下机耕路", "对村庄规划提了意见", "没有提别的事", "愿意参加环境整治", "想找人帮忙收晚稻", "问老年人体检的时间",
)  # fmt: skip
_DONE = (
    "已当面说明", "答应下周再来", "已记下转给村里", "帮忙填了表", "留了联系卡", "约好一起去看", "已打电话问清楚", "提醒注意用火用电",
)  # fmt: skip
_SEASONAL = {
    1: "提醒防煤气中毒", 2: "送去春节问候", 3: "一起清理了沟渠", 4: "提醒森林防火", 5: "说明秸秆禁烧", 6: "提醒防汛防溺水",
    7: "看望了老党员", 8: "提醒防溺水", 9: "宣传医保缴费", 10: "宣传医保缴费", 11: "提醒取暖安全", 12: "提醒防寒防滑",
}  # fmt: skip


def topics_of(rng: Random, day: date, is_key: bool) -> list[str]:
    """One to three topics; "nothing new" is the most frequent."""
    if rng.random() < (0.3 if is_key else 0.45):
        return ["nothing_new"]
    names, weights = _TOPICS[day.month]
    return sorted(set(rng.choices(names, cum_weights=weights, k=rng.choice((1, 1, 1, 2, 2, 3)))))


def remark(rng: Random, day: date) -> str:
    """A note of a sentence or two."""
    parts = [rng.choice(_SEEN), rng.choice(_ASKED), rng.choice(_DONE)]
    if rng.random() < 0.4:
        parts.append(_SEASONAL[day.month])
    return "，".join(parts) + "。"
