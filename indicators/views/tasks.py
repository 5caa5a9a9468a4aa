"""The staff member's start page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from indicators.todo import todo
from lvyuan.accounts.models import Role
from lvyuan.ui.http import require_role


@require_safe
@require_role(Role.STAFF)
def task_list(request: HttpRequest) -> HttpResponse:
    return render(request, "indicators/task_list.html", {"todo": todo(request.user, now=timezone.now())})
