"""Targets: what is in force, set and changed by admins."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from indicators import actions, exports
from indicators.models import Target
from indicators.refusals import Refused
from indicators.rows import target_rows
from indicators.target_forms import TargetForm
from indicators.views.reading import get_indicator
from lvyuan.accounts.models import District, Role
from lvyuan.audit.models import Event
from lvyuan.audit.triggers import FIGURES
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import exportable, page_of, page_or_file
from lvyuan.ui.http import asked_moment, require_role
from lvyuan.ui.tables import BaseTable
from lvyuan.ui.views import Missing


@require_safe
@conditional_page(FIGURES)
@exportable
def target_list(request: HttpRequest) -> HttpResponseBase:
    """Every target in force: kind, direction, path, current figure, deadline, version and who set it.

    `?indicator=` narrows to one indicator's, the latest deadline first.
    """
    district, known_at = settings.HOME_DISTRICT, asked_moment(request)
    in_force = Target.objects.filter(district__code=district).in_force(known_at)
    about = get_indicator(request, request.GET["indicator"]) if request.GET.get("indicator") else None
    ordered = (
        in_force.filter(indicator=about).order_by("-period_end", "order", "code")
        if about
        else in_force.order_by("order", "code")
    )
    found = ordered.select_related("indicator", "compared_with", "source", "district")
    page = page_of(request, found, BaseTable.PER_PAGE)
    targets = list(page.object_list)
    written = setters(targets)
    rows = [
        {"row": row, "written": written.get(row.target.pk)}
        for row in target_rows(targets, district=district, known_at=known_at, user=request.user)
    ]
    shown = {
        "rows": rows,
        "page": page,
        "about": about,
        "known_at": known_at,
        "may_set": request.user.has_role(Role.ADMIN),
    }
    return page_or_file(request, "indicators/target_list.html", shown, book=lambda: exports.targets_book(rows, about))


def setters(targets: list[Target]) -> dict[int, Event]:
    """By target id, the event that wrote it, which knows by whom; one query."""
    written = Event.objects.filter(model=Target._meta.label_lower, operation=Event.Operation.INSERT)
    return {int(event.object_pk): event for event in written.filter(object_pk__in=[str(one.pk) for one in targets])}


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
@cache_control(no_store=True)
def target_create(request: HttpRequest) -> HttpResponse:
    district = District.objects.get(code=settings.HOME_DISTRICT)
    form = TargetForm(request.POST if request.method == "POST" else None)
    return _set(request, form, district, said=gettext("已设定目标。"))


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
@cache_control(no_store=True)
def target_change(request: HttpRequest, district: str, code: str) -> HttpResponse:
    """A new version, filled in with what the newest one says."""
    newest = (
        Target.objects.filter(district__code=district, code=code)
        .select_related("district", "indicator", "compared_with", "source")
        .order_by("-version")
        .first()
    )
    if newest is None:
        raise Missing(gettext("没有这个目标。"))
    points = list(newest.points.order_by("due_on").values_list("due_on", "value"))
    form = TargetForm(request.POST if request.method == "POST" else None, target=newest, points=points)
    return _set(request, form, newest.district, said=gettext("已建立新版本，旧版本留存。"))


def _set(request: HttpRequest, form: TargetForm, district: District, *, said: str) -> HttpResponse:
    error, status = "", 200
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        try:
            target = actions.set_target(by=request.user, district=district, **_given(form))
        except Refused as refused:
            error, status = str(refused), 409
        else:
            messages.success(request, said)
            return redirect("indicators:target-detail", district.code, target.code)
    shown = {"form": form, "target": form.target, "district": district, "error": error}
    return render(request, "indicators/target_form.html", shown, status=status)


def _given(form: TargetForm) -> dict[str, Any]:
    """The form as `actions.set_target` takes it."""
    said = form.cleaned_data
    given = {"period": said["period"], "columns": form.columns(), "points": form.points}
    if form.target is None:
        return given | {"code": said["code"]}
    change = {name: said[name] for name in ("version", "reason", "authority")}
    return given | change | {"code": form.target.code}
