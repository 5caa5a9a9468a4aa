from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from lvyuan.accounts.models import Role

# One map of the product: (url name, label, roles that see it; empty = everyone signed in).
NAVIGATION: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("indicators:task-list", "我的任务", (Role.STAFF,)),
    ("cockpit:cockpit", "驾驶舱", ()),
    ("indicators:indicator-list", "指标", ()),
    ("projects:project-list", "重点项目", ()),
    ("cockpit:strategy", "战略", ()),
    ("indicators:round-list", "填报", (Role.STAFF, Role.REVIEWER, Role.AUDITOR)),
    ("indicators:review-list", "审核", (Role.REVIEWER, Role.AUDITOR)),
    ("indicators:board", "报送进度", (Role.REVIEWER, Role.LEADER, Role.ADMIN, Role.AUDITOR)),
    ("imports:job-list", "导入", (Role.ADMIN, Role.AUDITOR)),
    ("admin:index", "定义", (Role.ADMIN,)),
    ("audit:event-list", "历史", (Role.AUDITOR,)),
)


def site(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page needs; no query."""
    user = getattr(request, "user", None)
    navigation = []
    if user is not None and user.is_authenticated:
        navigation = [
            {"url": name, "label": label, "is_current": request.path.startswith(reverse(name))}
            for name, label, roles in NAVIGATION
            if not roles or user.role in roles
        ]
    return {"navigation": navigation, "release": settings.RELEASE, "demo": settings.DEMO}
