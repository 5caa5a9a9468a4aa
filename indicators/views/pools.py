"""`?pool=` on pages that show places."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone

from indicators.pools import PoolChoice, UnknownPool, pool_choice
from lvyuan.ui.http import asked_moment, asked_period
from lvyuan.ui.views import Missing


def asked_pool(request: HttpRequest, district: str) -> PoolChoice:
    """The pool of `?pool=demo-three-districts`, the installation's own when not asked; 404 when there is no such."""
    period = asked_period(request)
    on = period.end if period else timezone.localdate(asked_moment(request))
    try:
        return pool_choice(request.GET.get("pool", ""), district=district, on=on)
    except UnknownPool as error:
        raise Missing(str(error)) from error
