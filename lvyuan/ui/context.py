from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from lvyuan.accounts.models import Role

# One map of the product: (url name, label, roles that see it; empty = everyone signed in).
NAVIGATION: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("indicators:task-list", gettext_noop("我的任务"), (Role.STAFF,)),
    ("cockpit:cockpit", gettext_noop("驾驶舱"), ()),
    ("indicators:indicator-list", gettext_noop("指标"), ()),
    ("projects:project-list", gettext_noop("重点项目"), ()),
    ("cockpit:strategy", gettext_noop("战略"), ()),
    ("indicators:round-list", gettext_noop("填报"), (Role.STAFF, Role.REVIEWER, Role.AUDITOR)),
    ("indicators:review-list", gettext_noop("审核"), (Role.REVIEWER, Role.AUDITOR)),
    ("indicators:board", gettext_noop("报送进度"), (Role.REVIEWER, Role.LEADER, Role.ADMIN, Role.AUDITOR)),
    ("imports:job-list", gettext_noop("导入"), (Role.ADMIN, Role.AUDITOR)),
    ("admin:index", gettext_noop("定义"), (Role.ADMIN,)),
    ("audit:event-list", gettext_noop("历史"), (Role.AUDITOR,)),
)


def site(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page needs; no query."""
    user = getattr(request, "user", None)
    navigation = []
    if user is not None and user.is_authenticated:
        navigation = [
            {"url": name, "label": gettext(label), "is_current": request.path.startswith(reverse(name))}
            for name, label, roles in NAVIGATION
            if not roles or user.role in roles
        ]
    return {"navigation": navigation, "release": settings.RELEASE, "demo": settings.DEMO}
