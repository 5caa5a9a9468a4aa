from django.urls import path

from lvyuan.imports import blank, views

app_name = "imports"
urlpatterns = [
    path("", views.job_list, name="job-list"),
    path("new/", views.job_create, name="job-create"),
    path("template/<slug:code>.xlsx", blank.kind_template, name="kind-template"),
    path("<int:pk>/", views.job_detail, name="job-detail"),
    path("<int:pk>/confirm/", views.job_confirm, name="job-confirm"),
    path("<int:pk>/cancel/", views.job_cancel, name="job-cancel"),
]
