"""Everything that can go wrong for a caller: a stable code, an HTTP status, and a sentence that says the way out.

Raising a problem undoes the request; returning one from a handler keeps what was written (a failed sign-in is counted).
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from backend.rules.texts import written


class Problem(Exception):
    """Base of all problems. `detail` may name details in braces."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    detail: ClassVar[str]

    def __init__(
        self, *, errors: dict[str, list[str]] | None = None, retry_after: int | None = None, **details: Any
    ) -> None:
        told = {name: written(value) if isinstance(value, date) else value for name, value in details.items()}
        self.sentence = self.detail.format(**told)
        super().__init__(f"{self.code}: {self.sentence}")
        self.errors = errors or {}
        self.retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem as application/problem+json (RFC 9457)."""
        return {
            "type": f"urn:lianhu:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.sentence,
            "errors": self.errors,
            "request_id": request_id,
        }


def _problem(name: str, status: int, code: str, title: str, detail: str) -> type[Problem]:
    return type(name, (Problem,), {"status": status, "code": code, "title": title, "detail": detail})


# Any request
Malformed = _problem("Malformed", 400, "request.malformed", "内容无法读取", "发送的内容不是完整的 JSON，请重试。")
NotFound = _problem("NotFound", 404, "request.not_found", "没有这个地址", "请检查网址，或更新小程序后再试。")
PagesNotBuilt = _problem(
    "PagesNotBuilt",
    404,
    "pages.not_built",
    "网页没有安装",
    "这台服务器还没有装上网页；请告诉管理员（装好 Node 20 后执行 make clients）。",
)
MethodNotAllowed = _problem(
    "MethodNotAllowed", 405, "request.method", "不支持这个操作", "这个地址不支持这种操作；用小程序的，请更新后再试。"
)
Incomplete = _problem("Incomplete", 408, "request.incomplete", "没有收全", "内容没有收全，请在网络好的地方再发一次。")
TooLarge = _problem("TooLarge", 413, "request.too_large", "内容太大", "一次发送的内容太多，请分几次发送。")
Invalid = _problem("Invalid", 422, "request.invalid", "有几项填写不对", "请按每一项下面的提示改正后再提交。")
Changed = _problem("Changed", 412, "request.changed", "别人刚刚改过", "请刷新后核对最新内容，再保存你的修改。")
VersionMissing = _problem(
    "VersionMissing", 412, "request.version_missing", "缺少版本", "请先打开最新内容，改好再保存。"
)
Conflict = _problem("Conflict", 409, "request.conflict", "与已有记录冲突", "请刷新后核对，再试一次。")
ClientIdReused = _problem(
    "ClientIdReused",
    409,
    "request.client_id_reused",
    "编号已被使用",
    "这个编号已用于另一条内容，原来的没有变；请作为新的一条再提交。",
)
TooMany = _problem("TooMany", 429, "request.too_many", "操作太快", "请等 {seconds} 秒再试。")
Unavailable = _problem(
    "Unavailable", 503, "server.unavailable", "服务暂时不可用", "请稍后再试；手机上还没有发出的登记不会丢，会再发。"
)
ServerError = _problem(
    "ServerError", 500, "server.error", "系统出错", "已经记下这个问题，请稍后再试；一直不行请告诉管理员编号。"
)

# Session and permission
SessionMissing = _problem("SessionMissing", 401, "session.missing", "请先登录", "登录已过期或已退出，请重新登录。")
NotBound = _problem("NotBound", 403, "session.not_bound", "还没有绑定", "请输入支部书记给你的邀请码，绑定后再使用。")
Denied = _problem("Denied", 403, "permission.denied", "你的角色不能做这件事", "如果工作需要，请联系上级开通。")

# Accounts
WechatCodeInvalid = _problem(
    "WechatCodeInvalid", 401, "accounts.wechat_code", "微信登录没有成功", "登录码已失效，请退出小程序重新打开。"
)
WechatBlocked = _problem(
    "WechatBlocked",
    403,
    "accounts.wechat_blocked",
    "微信限制了登录",
    "微信提示这个账号有风险，请联系支部书记代为登记。",
)
WechatUnavailable = _problem(
    "WechatUnavailable", 503, "accounts.wechat_unavailable", "微信暂时没有应答",
    "请稍后再试；已登录的手机可以照常走访登记。",
)  # fmt: skip
SignInFailed = _problem(
    "SignInFailed",
    401,
    "accounts.sign_in_failed",
    "登录没有成功",
    "账号、密码或动态码不对。同一个动态码只能用一次，请等下一个再试。",
)
SignInWait = _problem(
    "SignInWait", 429, "accounts.sign_in_wait", "尝试次数太多", "请等 {seconds} 秒再试，忘记密码请联系管理员。"
)
InvitationInvalid = _problem(
    "InvitationInvalid",
    404,
    "accounts.invitation",
    "邀请码不对",
    "没有这个邀请码，或者已用过、已过期。先对一对有没有输错；还不行，请向支部书记要一个新的。",
)
IdentityBound = _problem(
    "IdentityBound", 409, "accounts.identity_bound", "这个微信已经绑定", "它已绑定了一名党员；要换绑请先联系支部书记。"
)
AccountNotFound = _problem("AccountNotFound", 404, "accounts.not_found", "没有这个账号", "请刷新名单后再试。")
GrantRefused = _problem(
    "GrantRefused", 403, "accounts.grant_refused", "不能授予这个角色",
    "只能授予比自己低的角色，地点须在自己的范围内，也不能授予自己。",
)  # fmt: skip
PlaceUnfit = _problem("PlaceUnfit", 422, "accounts.place_unfit", "地点与角色不符", "这个角色要授予在{kind}上。")

# Regions, branches, people
RegionNotFound = _problem("RegionNotFound", 404, "regions.not_found", "没有这个地方", "请从列表中重新选择。")
NotTownship = _problem("NotTownship", 422, "regions.not_township", "要选到乡镇", "这些数字按乡镇设置，请选择一个乡镇。")
RuleNumberUnfit = _problem(
    "RuleNumberUnfit", 422, "regions.rule_number", "数字不合适", "{words}{bounds}，请改后再提交。"
)
RuleInPast = _problem(
    "RuleInPast", 422, "regions.rule_past", "日期太早", "只能从今天或以后的日子起改，过去的数字不变。"
)
RulePlanned = _problem(
    "RulePlanned", 409, "regions.rule_planned", "后面已有安排",
    "{on}起已安排了另一个数。要以这次为准，请确认“替换后面的安排”再提交。",
)  # fmt: skip
RuleOrder = _problem(
    "RuleOrder", 422, "regions.rule_order", "联户数前后不符",
    "从{on}起，下限应不大于上限，上限应不大于最多户数，请先改另一个数。",
)  # fmt: skip
BranchNotFound = _problem("BranchNotFound", 404, "branches.not_found", "没有这个支部", "请从列表中重新选择。")
PersonNotFound = _problem("PersonNotFound", 404, "people.not_found", "没有这个人", "请从名单中重新选择。")

PhoneTaken = _problem(
    "PhoneTaken", 409, "people.phone_taken", "号码已属于别人", "这个手机号已登记在另一名同志名下，请核对。"
)
ExemptAlready = _problem(
    "ExemptAlready", 409, "people.exempt_already", "已经免联", "{on}起已有一段免联，请先结束那一段，或换日期。"
)
NotExempt = _problem("NotExempt", 409, "people.not_exempt", "没有免联", "这名同志那一天没有免联，不用恢复。")
SameService = _problem(
    "SameService", 409, "people.same_service", "没有变化", "这名同志那一天已在这个支部，身份也一样，请核对。"
)
ServiceLater = _problem(
    "ServiceLater", 409, "people.service_later", "日期太早", "{on}起另有一段任职，请选那一天以后的日期。"
)

# Households
HouseholdNotFound = _problem(
    "HouseholdNotFound", 404, "households.not_found", "没有这一户", "这一户不在你的范围内，请核对后再试。"
)
HouseholdReadOnly = _problem(
    "HouseholdReadOnly", 403, "households.read_only", "这一户只能查看", "它归别的支部管，请联系那个支部的书记办理。"
)
HouseholdClosed = _problem("HouseholdClosed", 409, "households.closed", "这一户已经销户", "销户以后的日期不能再登记。")
HouseholdCodeTaken = _problem("HouseholdCodeTaken", 409, "households.code_taken", "户号已被使用", "请换一个户号。")
NotMicroGrid = _problem("NotMicroGrid", 422, "households.not_micro_grid", "要选到微网格", "请选择这一户所在的微网格。")
PlannedChange = _problem(
    "PlannedChange", 409, "households.planned_change", "后面已有安排",
    "{on}已有一次变更。还没有到的变更，确认“替换后面的安排”后可以改；已经生效的请选更晚的日期。",
)  # fmt: skip
BeforeOpening = _problem(
    "BeforeOpening", 422, "households.before_opening", "日期太早", "这一户从{opened_on}起登记，请选之后的日期。"
)
RevealLimit = _problem(
    "RevealLimit",
    429,
    "households.reveal_limit",
    "今天查看得太多",
    "24 小时内最多查看 {limit} 户的完整信息，请过些时候再试。",
)

# Assignments
AssignmentNotFound = _problem("AssignmentNotFound", 404, "assignments.not_found", "没有这条联系", "请刷新后再试。")
PrimaryTaken = _problem(
    "PrimaryTaken", 409, "assignments.primary_taken", "已经有主联党员",
    "从{since}起已有主联党员，请先结束那条联系，再建新的。",
)  # fmt: skip
LinkPlanned = _problem(
    "LinkPlanned", 409, "assignments.planned", "后面已有安排",
    "{on}起已安排了一条主联。要以这次为准，请确认“替换后面的安排”再提交。",
)  # fmt: skip
AlreadyLinked = _problem(
    "AlreadyLinked",
    409,
    "assignments.already_linked",
    "已经联系着",
    "这名同志已经联系或将要联系这一户，请换人，或先结束原来的联系。",
)
AlreadyEnded = _problem("AlreadyEnded", 409, "assignments.already_ended", "这条联系已经结束", "它已于{on}结束。")
EndBeforeStart = _problem(
    "EndBeforeStart", 422, "assignments.end_before_start", "结束日期太早", "这条联系从{start}开始，不能结束得更早。"
)
PersonExempt = _problem(
    "PersonExempt", 409, "assignments.person_exempt", "这名党员免联", "免联期内不安排联系户，请换一名党员。"
)
PersonNotInService = _problem(
    "PersonNotInService", 409, "assignments.person_not_in_service", "这名同志不在岗", "那一天不在支部，请换人或换日期。"
)
LoadTooHigh = _problem(
    "LoadTooHigh", 409, "assignments.load", "联系户太多", "这名同志已联系 {count} 户，最多 {limit} 户，请换人。"
)

# Files and runs
FileNotFound = _problem(
    "FileNotFound", 404, "files.not_found", "没有这个文件", "文件只保存 7 天，请重新上传或重新生成。"
)
FileEmpty = _problem(
    "FileEmpty", 422, "files.empty", "文件是空的", "请重新选择文件；从微信里收到的，请先保存到电脑上。"
)
FileTooLarge = _problem(
    "FileTooLarge",
    413,
    "files.too_large",
    "文件太大",
    "最大 {megabytes} MB；请把表分成几个文件，或删去表里的图片再传。",
)
StorageAway = _problem(
    "StorageAway", 503, "files.storage", "暂时存不了文件", "文件没有收下，别的功能照常；请过几分钟再试。"
)
RunNotFound = _problem("RunNotFound", 404, "runs.not_found", "没有这项任务", "请刷新后再试；只能看到自己提交的任务。")
RunOver = _problem("RunOver", 409, "runs.over", "已经结束", "这项任务已经结束，不能再停止。")
RunLate = _problem(
    "RunLate", 409, "runs.late", "没有按时做完", "超过了时限，什么也没有改变；请再做一次，一直不行请告诉管理员。"
)
ResultMissing = _problem(
    "ResultMissing", 404, "runs.no_result", "没有可下载的文件", "任务还没有完成，或文件已过 7 天被清理，请重新做一次。"
)

# Imports
ImportRefused = _problem("ImportRefused", 422, "imports.refused", "这个文件没有收", "没有导入：{sentence}")
ImportRow = _problem(
    "ImportRow", 409, "imports.row", "有一行不能导入", "第 {row} 行：{sentence}什么也没有改变，改好后再导入一次。"
)

LinkedMeanwhile = _problem(
    "LinkedMeanwhile", 409, "assignments.linked_meanwhile", "已经有主联党员",
    "这一户从{since}起已有主联党员，请改成“先不安排”，或重新提一份建议。",
)  # fmt: skip
PersonUnfit = _problem(
    "PersonUnfit", 409, "assignments.person_unfit", "这名同志不能联系", "那一天不在你的支部，或者免联，请换人。"
)
ConfirmedAhead = _problem(
    "ConfirmedAhead", 422, "assignments.confirmed_ahead", "日期在将来", "请选党员大会确认的那一天，不能晚于今天。"
)

# Proposals
ProposalNotFound = _problem(
    "ProposalNotFound", 404, "proposals.not_found", "没有这份建议", "请重新生成一份；只能看到自己生成的。"
)
ProposalApplied = _problem(
    "ProposalApplied", 409, "proposals.applied", "已经定下来了", "这份建议已经定下来，不能再改；要调整请重新提一份。"
)
ProposalStale = _problem(
    "ProposalStale",
    409,
    "proposals.stale",
    "有几户情况变了",
    "有 {count} 户情况变了，什么也没有改变。请看每一户的原因，改好这几户再定下来。",
)
ProposalStart = _problem("ProposalStart", 422, "proposals.start", "起始日期不对", "请选今天起 90 天以内的日期。")
ProposalTooLarge = _problem(
    "ProposalTooLarge", 422, "proposals.too_large", "范围太大",
    "一个支部里可联系的人太多，算不过来；请按村或下一级支部分别生成。",
)  # fmt: skip

# Papers
NothingToPrint = _problem(
    "NothingToPrint", 409, "papers.nothing", "没有可打印的", "这个范围里还没有有主联党员的农户，请先安排联系。"
)
CannotPrint = _problem(
    "CannotPrint", 422, "papers.character", "有字打印不了", "字库里没有“{characters}”，请先改成通用的字，再打印。"
)
PaperTooLong = _problem(
    "PaperTooLong", 422, "papers.too_long", "卡片写不下", "有一户的姓名、住址或电话太长，卡片上写不下，请先改短。"
)

# Visits
VisitNotFound = _problem("VisitNotFound", 404, "visits.not_found", "没有这条走访", "请刷新后再试。")
VisitIdReused = _problem(
    "VisitIdReused",
    409,
    "visits.id_reused",
    "编号已被使用",
    "这个编号已有另一条走访，原来的没有变；请作为新走访再登记。",
)
VisitInFuture = _problem(
    "VisitInFuture", 422, "visits.in_future", "日期在将来", "走访日期或登记时间晚于现在，请核对手机日期后再试。"
)
VisitTooOld = _problem(
    "VisitTooOld", 422, "visits.too_old", "日期太早", "只能登记一年以内、这一户立户以后的走访，更早的请记在纸上。"
)
VisitNotedBefore = _problem(
    "VisitNotedBefore", 422, "visits.noted_before", "登记早于走访", "登记时间不能早于走访日期，请核对。"
)
BackfillReasonMissing = _problem(
    "BackfillReasonMissing",
    422,
    "visits.backfill_reason",
    "请选补录原因",
    "走访过去超过 7 天才登记，请选一个补录原因。",
)
CompanionUnfit = _problem(
    "CompanionUnfit", 422, "visits.companion", "同行人不对", "同行人须是那一天本支部在岗的人，且不是走访人本人。"
)
VisitorUnfit = _problem(
    "VisitorUnfit", 422, "visits.visitor", "走访人不对", "这名同志那一天不能走访这一户，请核对人和日期。"
)
OnBehalfDenied = _problem(
    "OnBehalfDenied", 403, "visits.on_behalf", "不能代录", "只有支部书记等工作人员可以替党员登记，请登记为自己的走访。"
)
VoidDenied = _problem(
    "VoidDenied", 403, "visits.void_denied", "不能作废这条走访", "只有走访人、登记人或本支部书记可以作废。"
)

# Obligations
MustVisitNotFound = _problem("MustVisitNotFound", 404, "obligations.not_found", "没有这次必访", "请刷新后再试。")
MustVisitDayUnfit = _problem(
    "MustVisitDayUnfit", 422, "obligations.since", "日期不对", "事情发生的日期不能在将来，也不能早于 30 天前。"
)
MustVisitOpen = _problem(
    "MustVisitOpen", 409, "obligations.open", "已经提出过",
    "{since}的“{kind}”已经提出，{due_on}前走访即可，不用再提。",
)  # fmt: skip
MustVisitOver = _problem(
    "MustVisitOver", 409, "obligations.over", "期限已过", "期限已过的必访已计入统计，确有错误请由支部书记撤回。"
)

# Coverage
AreaNotFound = _problem(
    "AreaNotFound", 404, "coverage.area", "没有这个范围", "这个地方或支部不在你的查看范围内，请重新选择。"
)
PeriodInvalid = _problem(
    "PeriodInvalid", 422, "coverage.period", "时段不对", "请写成月、季或年，例如 2026-11、2026Q4 或 2026。"
)
PeriodNotKept = _problem(
    "PeriodNotKept", 404, "coverage.period_not_kept", "这个时段没有数据", "从 {first} 到 {last} 有数据，请换一个时段。"
)
PeriodNotCounted = _problem(
    "PeriodNotCounted", 503, "coverage.period_not_counted", "这个时段正在统计", "数据正在按现行口径统计，请稍后再看。"
)
LevelUnfit = _problem(
    "LevelUnfit",
    422,
    "coverage.level",
    "级别不对",
    "请选比所看范围更细的级别：township、village、grid、micro_grid 或 branch。",
)
PeriodsUnlike = _problem(
    "PeriodsUnlike", 422, "coverage.periods_unlike", "两个时段不同类", "请选两个月、两个季度或两个年度来比较。"
)
PurposeMissing = _problem(
    "PurposeMissing", 422, "coverage.purpose", "请说明用途",
    "镇党委查看到户，请在 purpose 中选一个用途（可选的见 /codes 的 drill_purposes）；每次查看都会留下记录。",
)  # fmt: skip
AreaOrBranch = _problem(
    "AreaOrBranch", 422, "coverage.area_or_branch", "范围不清楚", "请在 area 和 branch 中填写一个。"
)

# Feedback
FeedbackNotFound = _problem(
    "FeedbackNotFound", 404, "feedback.not_found", "没有这条意见", "请刷新后再试；它可能不归你这里答复。"
)
FeedbackAnswered = _problem(
    "FeedbackAnswered",
    409,
    "feedback.answered",
    "已经答复过",
    "这条意见已有答复，提意见的人可能已经看到；请刷新后查看。",
)


def catalogue() -> list[type[Problem]]:
    """All problems in order of code."""
    return sorted(Problem.__subclasses__(), key=lambda problem: problem.code)
