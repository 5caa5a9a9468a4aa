"""Pages about rounds: what is asked for, by when, and who has reported."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from indicators import actions
from indicators.board import board_of
from indicators.exports import round_book, rounds_book
from indicators.models import Round, RoundSchedule, Submission
from indicators.obligations import Obligation, months_before, owed
from indicators.refusals import Refused
from indicators.round_forms import ChangeRoundForm, NewRoundForm
from indicators.schedule import round_code, scheduled_moments
from indicators.views.chain import CHAIN, get_round
from lvyuan.accounts.models import Department, District, Role
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import asked_period, require_role

State = Submission.State


@require_safe
@require_role(*CHAIN)
@exportable
def round_list(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    unreported = Q(submissions__state__in=Submission.UNREPORTED)
    rounds = Round.objects.filter(district__code=settings.HOME_DISTRICT).annotate(
        asked=Count("submissions", filter=~Q(submissions__state=State.EXCUSED)),
        reported=Count("submissions", filter=Q(submissions__state__in=[State.SUBMITTED, State.APPROVED])),
        approved=Count("submissions", filter=Q(submissions__state=State.APPROVED)),
        late=Count("submissions", filter=unreported & Q(due_at__lte=now)),
    )
    mine = {
        submission.round_id: submission
        for submission in Submission.objects.visible_to(request.user).filter(round__isnull=False)
        if submission.department_id == request.user.department_id
    }
    shown = []
    for round in rounds:
        own = mine.get(round.pk)
        if own is not None:
            own.round = round
        shown.append(
            {
                "round": round,
                "mine": own,
                "is_mine_late": own is not None and own.is_overdue(now),
                "is_open": round.is_open(now),
                "is_early": now < round.opens_at,
                "url": _round_url(request, round, own),
            }
        )
    for_staff = request.user.has_role(Role.STAFF)
    return page_or_file(
        request,
        "indicators/round_list.html",
        {"rounds": shown},
        book=lambda: rounds_book(shown, for_staff=for_staff),
    )


def _round_url(request: HttpRequest, round: Round, own: Submission | None) -> str:
    """Staff go straight to their own form, if there is one."""
    if own is not None and request.user.has_role(Role.STAFF) and request.user.department:
        return f"{round.get_absolute_url()}{request.user.department.code}/"
    return round.get_absolute_url()


@require_safe
@require_role(*CHAIN)
@exportable
def round_detail(request: HttpRequest, code: str) -> HttpResponseBase:
    """Who owes what in a round, for which periods, and where it stands."""
    round, now = get_round(code), timezone.now()
    owing = _by_department(owed(round))
    cells = {cell.department: cell for cell in board_of([round], now=now).cells}
    departments = sorted({*owing, *cells}, key=lambda department: (department.order, department.code))
    is_staff = request.user.has_role(Role.STAFF)
    shown = [
        {
            "department": department,
            "obligations": owing.get(department, []),
            "cell": cells.get(department),
            "can_open": is_staff,
        }
        for department in departments
        if not is_staff or request.user.department_id == department.pk
    ]
    return page_or_file(
        request,
        "indicators/round_detail.html",
        {
            "round": round,
            "lines": shown,
            "is_open": round.is_open(now),
            "is_early": now < round.opens_at,
            "may_change": request.user.has_role(Role.REVIEWER) and round.kind == Round.Kind.REGULAR,
        },
        book=lambda: round_book(round, shown),
    )


def _by_department(obligations: list[Obligation]) -> dict[Department, list[Obligation]]:
    found: dict[Department, list[Obligation]] = {}
    for obligation in obligations:
        found.setdefault(obligation.department, []).append(obligation)
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.REVIEWER)
def round_create(request: HttpRequest) -> HttpResponse:
    """Opens a month's round by hand; shows beforehand who will owe what. The month is in the address."""
    period, now = asked_period(request), timezone.now()
    month = period.end if period else months_before(timezone.localdate(now), 1)
    district = District.objects.get(code=settings.HOME_DISTRICT)
    form = NewRoundForm(request.POST or None, initial=_proposed(district, month, now))
    error, status = "", 200
    if request.method == "POST":
        if form.is_valid():
            names = ("opens_at", "due_at", "closes_at", "instructions")
            given = {name: form.cleaned_data[name] for name in names}
            try:
                round = actions.open_round(by=request.user, district=district, month=month, **given)
            except Refused as refused:
                error, status = str(refused), 409
            else:
                messages.success(request, gettext("%(round)s已建立，各单位已各有一份报送。") % {"round": round})
                return redirect(round)
        else:
            status = 422
    planned = Round(district=district, month=month)
    return render(
        request,
        "indicators/round_create.html",
        {
            "form": form,
            "month": month,
            "planned": planned,
            "existing": Round.objects.filter(district=district, code=round_code(month)).first(),
            "preview": _by_department(owed(planned)),
            "error": error,
        },
        status=status,
    )


def _proposed(district: District, month: dt.date, now: dt.datetime) -> dict[str, object]:
    """The schedule's moments; those of a month long over count from today."""
    schedules = RoundSchedule.objects.filter(district=district).order_by("-valid_from")
    found = next((one for one in schedules if one.is_in_force(month)), None) or schedules.first()
    schedule = found or RoundSchedule(district=district)
    opens_at, due_at, closes_at = scheduled_moments(schedule, month)
    if due_at <= now:
        day_before = timezone.localdate(now) - dt.timedelta(days=schedule.opens_after)
        opens_at, due_at, closes_at = scheduled_moments(schedule, day_before)
    return {"opens_at": opens_at, "due_at": due_at, "closes_at": closes_at, "instructions": schedule.instructions}


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.REVIEWER)
def round_change(request: HttpRequest, code: str) -> HttpResponse:
    """Moves the due and the closing moment for everybody, with a reason."""
    round = get_round(code)
    form = ChangeRoundForm(request.POST or None, round=round)
    error, status = "", 200
    if request.method == "POST":
        if form.is_valid():
            given = {name: form.cleaned_data[name] for name in ("due_at", "closes_at", "instructions", "reason")}
            try:
                actions.change_round(by=request.user, round=round, **given)
            except Refused as refused:
                error, status = str(refused), 409
            else:
                messages.success(request, gettext("时间已调整，对全部单位有效。"))
                return redirect(round)
        else:
            status = 422
    return render(
        request, "indicators/round_change.html", {"round": round, "form": form, "error": error}, status=status
    )
