"""Pages of the key projects: the list with its wall, a project, and where the start rate comes from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from lvyuan.audit.triggers import FIGURES
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import exportable, page_of, page_or_file
from lvyuan.ui.http import asked_date, asked_moment, day_of
from lvyuan.ui.tables import BaseTable
from lvyuan.ui.views import Missing
from projects.exports import portfolio_book
from projects.filters import ProjectFilterForm
from projects.models import KeyProject, Place
from projects.rows import portfolio
from projects.tables import ProjectTable


@require_safe
@conditional_page(FIGURES, shared=True)
@exportable
def project_list(request: HttpRequest) -> HttpResponseBase:
    known_at = asked_moment(request)
    found = portfolio(
        as_of=asked_date(request, "as_of"), known_at=known_at, user=request.user, district=settings.HOME_DISTRICT
    )
    form = ProjectFilterForm(request.GET)
    table = ProjectTable(form.narrow(found), request=request)
    mentioned = (
        KeyProject.objects.visible_to(request.user)
        .filter(district__code=settings.HOME_DISTRICT, memberships__isnull=True)
        .select_related("place", "place__source")
        .prefetch_related("events", "nodes")
    )
    places = Place.objects.filter(district__code=settings.HOME_DISTRICT, project__isnull=True).select_related(
        "node", "source"
    )
    return page_or_file(
        request,
        "projects/project_list.html",
        {
            "portfolio": found,
            "as_of": found.as_of,
            "known_at": known_at,
            "table": table,
            "filter": form,
            "mentioned": mentioned,
            "places": places,
        },
        book=lambda: portfolio_book(found, list(table.data), form),
    )


@require_safe
@conditional_page(FIGURES)
def project_detail(request: HttpRequest, code: str) -> HttpResponse:
    project = (
        KeyProject.objects.visible_to(request.user)
        .filter(code=code, district__code=settings.HOME_DISTRICT)
        .select_related("department", "place__source", "task_force__lead_department")
        .prefetch_related("nodes")
        .first()
    )
    if project is None:
        raise Missing(gettext("没有这个项目。"))
    known_at = asked_moment(request)
    found = portfolio(
        as_of=asked_date(request, "as_of"), known_at=known_at, user=request.user, district=settings.HOME_DISTRICT
    )
    row = next((row for row in found.projects if row.project.pk == project.pk), None)
    return render(
        request,
        "projects/project_detail.html",
        {
            "project": project,
            "row": row,
            "state_word": row.state_label if row else "",
            "membership": project.memberships.select_related("list").first(),
            "events": project.events.select_related("source"),
            "task_force": getattr(project, "task_force", None),
            "portfolio": found,
            "known_at": known_at,
        },
    )


@require_safe
@conditional_page(FIGURES)
@exportable
def portfolio_figure(request: HttpRequest, district: str, address: str) -> HttpResponseBase:
    """Where a project figure comes from; `address` is list@day, as in the figure's key."""
    code, _, day = address.partition("@")
    known_at = asked_moment(request)
    found = portfolio(as_of=day_of(day), known_at=known_at, user=request.user, district=district, code=code)
    if not found.known:
        raise Missing(gettext("没有这份项目清单。"))
    page = page_of(request, found.projects, BaseTable.PER_PAGE)
    shown = {"portfolio": found, "page": page, "as_of": found.as_of, "known_at": known_at}
    return page_or_file(
        request, "projects/portfolio_figure.html", shown, book=lambda: portfolio_book(found, page.object_list)
    )
