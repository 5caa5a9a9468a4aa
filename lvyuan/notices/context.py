from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from lvyuan.notices.models import Notice


def unread(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """`unread_notices` counts one's own unread notices when a template asks: one query, and none where none asks.

    A conditional page (lvyuan.ui.conditional) has counted them already.
    """

    def count() -> int:
        counted: int | None = getattr(request, "unread_notices", None)
        return Notice.objects.visible_to(request.user).unread().count() if counted is None else counted

    return {"unread_notices": count}
