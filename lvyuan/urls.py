"""The map of the product. `figures/portfolio` and `figures/target` stand before indicators' own figures."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from lvyuan.ui.language import language_choose
from lvyuan.ui.views import healthz

urlpatterns = [
    path("", include("lvyuan.cockpit.urls")),
    path("", include("projects.urls")),
    path("", include("indicators.urls")),
    path("imports/", include("lvyuan.imports.urls")),
    path("notices/", include("lvyuan.notices.urls")),
    path("", include("lvyuan.audit.urls")),
    path("accounts/", include("lvyuan.accounts.urls")),
    path("admin/login/", RedirectView.as_view(pattern_name="accounts:login", query_string=True)),
    path("admin/", admin.site.urls),
    path("language/", language_choose, name="language"),
    path("healthz", healthz, name="healthz"),
]

handler400 = "lvyuan.ui.views.bad_request"
handler403 = "lvyuan.ui.views.permission_denied"
handler404 = "lvyuan.ui.views.page_not_found"
handler500 = "lvyuan.ui.views.server_error"
