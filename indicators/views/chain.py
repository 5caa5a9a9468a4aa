"""What the pages of the reporting chain share: the objects an address names, and what a form carries along."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext

from indicators.models import Round, Submission
from lvyuan.accounts.models import Role
from lvyuan.ui.views import Missing

CHAIN = (Role.STAFF, Role.REVIEWER, Role.AUDITOR)


def get_round(code: str) -> Round:
    found = Round.objects.select_related("district").filter(code=code, district__code=settings.HOME_DISTRICT).first()
    if found is None:
        raise Missing(gettext("没有“%(code)s”这次填报任务。") % {"code": code})
    return found


def get_submission(request: HttpRequest, pk: int) -> Submission:
    """The submission if it is this person's to see, else a 404."""
    found = (
        Submission.objects.visible_to(request.user)
        .select_related("round", "department", "submitted_by", "reviewed_by", "import_job__undone_by")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise Missing(gettext("没有这份报送，或者它不属于您可以查看的范围。"))
    return found


def row_version(request: HttpRequest) -> int:
    text = request.POST.get("row_version", "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
