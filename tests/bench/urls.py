"""The application's addresses, and before them a bare page: what any Django page costs on this server.

One query by primary key and a template of ten lines, without the frame of the other pages and its context. Signed in it
goes through the same middleware as they do, which reads session and person; without sign-in it reads neither.
"""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path

from indicators.models import Indicator
from lvyuan import urls
from lvyuan.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(render_to_string("bench/bare.html", {"indicator": Indicator.objects.get(pk=pk)}))


urlpatterns = [
    path("bench/bare/<int:pk>/", bare),
    path("bench/anonymous/<int:pk>/", login_not_required(lambda request, pk: bare(request, pk))),
    *urls.urlpatterns,
]
