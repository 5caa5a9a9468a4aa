"""The steps a submission may take: one table of moves, one place that takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from indicators.models import Entry, Submission, Transition
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Role, User
from lvyuan.imports.models import ImportJob

State = Submission.State


@dataclass(frozen=True, slots=True)
class Move:
    """A step: from where, to where, by whom; `asks_reason` of the person, `judges` figures of others."""

    code: str
    word: str
    from_states: tuple[str, ...]
    to_state: str
    roles: tuple[str, ...]
    asks_reason: bool = False
    judges: bool = False
    by_head: bool = False

    @property
    def name(self) -> str:
        """The step in the person's language."""
        return gettext(self.word)


STAFF, REVIEWER = (Role.STAFF.value,), (Role.REVIEWER.value,)
START = Move("start", gettext_noop("开始填报"), (State.NOT_STARTED,), State.DRAFT, STAFF)
SEND = Move("send", gettext_noop("送签"), (State.DRAFT, State.RETURNED), State.SIGNING, STAFF)
SIGN = Move("sign", gettext_noop("签发"), (State.SIGNING,), State.SUBMITTED, STAFF, by_head=True)
DECLINE = Move(
    "decline", gettext_noop("退回修改"), (State.SIGNING,), State.DRAFT, STAFF, asks_reason=True, by_head=True
)
SUBMIT = Move(
    "submit", gettext_noop("提交"), (State.DRAFT, State.RETURNED), State.SUBMITTED, (*STAFF, Role.ADMIN.value)
)
WITHDRAW = Move("withdraw", gettext_noop("撤回"), (State.SUBMITTED, State.SIGNING), State.DRAFT, STAFF)
RETURN = Move(
    "return", gettext_noop("退回"), (State.SUBMITTED,), State.RETURNED, REVIEWER, asks_reason=True, judges=True
)
APPROVE = Move("approve", gettext_noop("通过"), (State.SUBMITTED,), State.APPROVED, REVIEWER, judges=True)
REOPEN = Move(
    "reopen", gettext_noop("重开"), (State.APPROVED,), State.RETURNED, REVIEWER, asks_reason=True, judges=True
)
UNSENT = (State.NOT_STARTED, State.DRAFT, State.RETURNED)
EXCUSE = Move("excuse", gettext_noop("免报"), UNSENT, State.EXCUSED, REVIEWER, asks_reason=True, judges=True)
RESUME = Move(
    "resume", gettext_noop("撤销免报"), (State.EXCUSED,), State.DRAFT, REVIEWER, asks_reason=True, judges=True
)
# An admin takes an import back before it was decided on; no page offers it beside the others.
CANCEL = Move(
    "cancel",
    gettext_noop("撤销"),
    (State.DRAFT, State.SUBMITTED, State.RETURNED),
    State.DRAFT,
    (Role.ADMIN.value,),
    asks_reason=True,
)
MOVES = (START, SEND, SIGN, DECLINE, SUBMIT, WITHDRAW, RETURN, APPROVE, REOPEN, EXCUSE, RESUME)


def refusals(moves: Iterable[Move], *, by: User, submissions: Sequence[Submission]) -> dict[tuple[str, int], str]:
    """By move code and submission id, why `by` may not take the step now, '' when nothing speaks against it.

    One query, however many submissions; they must have been fetched with their department and import job.
    """
    found = _refusals(moves, by, submissions)
    return {(move.code, pk): said.replace(_MOVE, move.name) for (move, pk), said in found.items()}


def refusal(move: Move, *, by: User, submission: Submission) -> str:
    """Why `by` may not take this step now; empty when nothing speaks against it."""
    return refusals([move], by=by, submissions=[submission])[move.code, submission.pk]


@dataclass(frozen=True, slots=True)
class Offer:
    """The codes of the moves that a person may take now, and in one line why not the others of their role."""

    moves: frozenset[str]
    why_not: str


def offer(*, by: User, submission: Submission) -> Offer:
    """What a page offers, exactly; one query."""
    said: dict[str, list[str]] = {}
    for (move, _), why_not in _refusals(MOVES, by, [submission]).items():
        if not why_not or by.role in move.roles:
            said.setdefault(why_not, []).append(move.code if not why_not else move.name)
    allowed = said.pop("", [])
    return Offer(
        frozenset(allowed), "".join(text.replace(_MOVE, gettext("、").join(names)) for text, names in said.items())
    )


def allowed_moves(*, by: User, submission: Submission) -> set[str]:
    """The codes of the moves that `by` may take now; pages offer these and no others."""
    return set(offer(by=by, submission=submission).moves)


_MOVE = "〔〕"  # stands for the move in a refusal, so that moves with the same reason share a sentence


def _refusals(moves: Iterable[Move], by: User, submissions: Sequence[Submission]) -> dict[tuple[Move, int], str]:
    visible = Submission.objects.visible_to(by).filter(pk__in=[submission.pk for submission in submissions])
    own = Entry.objects.filter(submission=OuterRef("pk"), edited_by=by)
    touched = dict(visible.values_list("pk", Exists(own)))  # by id of those that they may see at all
    return {
        (move, submission.pk): _refusal(
            move, by, submission, submission.pk in touched, touched.get(submission.pk, False)
        )
        for move in moves
        for submission in submissions
    }


def _refusal(move: Move, by: User, submission: Submission, is_visible: bool, is_own: bool) -> str:
    if move.by_head and is_visible and by.has_role(*move.roles) and not by.is_department_head:
        return gettext("只有单位负责人可以%(move)s。") % {"move": _MOVE}
    if not _is_theirs(move, by, is_visible):
        return gettext("您的角色（%(role)s）不能%(move)s这份报送。") % {"role": by.get_role_display(), "move": _MOVE}
    if (job := submission.import_job) is not None and job.state == ImportJob.State.UNDONE:
        return gettext("这次导入已经撤销，不能%(move)s；要导入请重新上传。") % {"move": _MOVE}
    if submission.state not in move.from_states:
        return gettext("这份报送目前是“%(state)s”，不能%(move)s。") % {
            "state": submission.get_state_display(),
            "move": _MOVE,
        }
    if submission.round_id is None and move in (REOPEN, EXCUSE, RESUME):
        return gettext("导入的数据没有填报表，不能%(move)s；更正请重新导入。") % {"move": _MOVE}
    department = submission.department
    signs_off = submission.round_id is not None and department is not None and department.needs_sign_off
    if move is SUBMIT and signs_off:
        return gettext("%(department)s的报送须先由单位负责人签发，请改用“送签”。") % {"department": department}
    if move is SEND and not signs_off:
        return gettext("%(department)s的报送不需要签发，请直接提交。") % {"department": department}
    if move.judges and (is_own or submission.submitted_by_id == by.pk):
        return gettext("填报或提交过这份报送的人不能%(move)s它，请由另一位审核员处理。") % {"move": _MOVE}
    return ""


def _is_theirs(move: Move, by: User, is_visible: bool) -> bool:
    return is_visible and by.has_role(*move.roles) and (by.is_department_head or not move.by_head)


def locked(submissions: Iterable[Submission]) -> list[Submission]:
    """The submissions as they are now, locked in one order, with round and department."""
    return list(
        Submission.objects.select_for_update(of=("self",))
        .select_related("round__district", "department__district", "import_job", "submitted_by")
        .filter(pk__in=[submission.pk for submission in submissions])
        .order_by("pk")
    )


def take(submission: Submission, move: Move, *, by: User, seen: int | None = None, reason: str = "") -> Transition:
    """Takes the step on a locked submission, or raises; writes the transition.

    `seen` is the row version that the person looked at: nobody approves what changed meanwhile.
    """
    why_not = refusal(move, by=by, submission=submission)
    if why_not and not _is_theirs(move, by, Submission.objects.visible_to(by).filter(pk=submission.pk).exists()):
        raise NotAllowed(why_not)
    if why_not:
        raise Conflict(why_not)
    if seen is not None and submission.row_version != seen:
        raise Conflict(gettext("这份报送在您打开之后有改动，请核对最新内容后再办理。没有改变任何内容。"))
    if move.asks_reason and not reason.strip():
        raise Refused(gettext("%(move)s必须写明理由，好让填报员知道为什么。") % {"move": move.name})
    return take_all([submission], move, by=by, reason={submission.pk: reason.strip()})[0]


def take_all(
    submissions: Sequence[Submission], move: Move, *, by: User, reason: Mapping[int, str] | None = None
) -> list[Transition]:
    """Takes one step on locked submissions that nothing was found to speak against; two queries."""
    now, from_states = timezone.now(), {submission.pk: submission.state for submission in submissions}
    changed = {"state", "row_version"}
    for submission in submissions:
        submission.state = move.to_state
        submission.row_version += 1
        if move.to_state == State.SUBMITTED:
            submission.submitted_by, submission.submitted_at = by, now
            submission.reviewed_by = submission.reviewed_at = None
            changed |= {"submitted_by", "submitted_at", "reviewed_by", "reviewed_at"}
        elif move.roles == REVIEWER:
            submission.reviewed_by, submission.reviewed_at = by, now
            changed |= {"reviewed_by", "reviewed_at"}
    # What a page shows as “as you saw it” must be what this step left behind.
    values = {name: getattr(submissions[0], name) for name in changed - {"row_version"}} if submissions else {}
    Submission.objects.filter(pk__in=from_states).update(row_version=F("row_version") + 1, **values)
    return Transition.objects.bulk_create(
        Transition(
            submission=submission,
            from_state=from_states[submission.pk],
            to_state=move.to_state,
            by=by,
            reason=(reason or {}).get(submission.pk, ""),
        )
        for submission in submissions
    )
