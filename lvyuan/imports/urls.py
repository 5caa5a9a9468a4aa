from django.urls import path

from lvyuan.imports import blank, views

app_name = "imports"
urlpatterns = [
    path("", views.job_list, name="job-list"),
    path("new/", views.job_create, name="job-create"),
    path("template/<slug:code>.xlsx", blank.kind_template, name="kind-template"),
    path("<int:pk>/", views.job_detail, name="job-detail"),
    path("<int:pk>/answer/", views.job_answer, name="job-answer"),
    path("<int:pk>/confirm/", views.job_confirm, name="job-confirm"),
    path("<int:pk>/resume/", views.job_resume, name="job-resume"),
    path("<int:pk>/cancel/", views.job_cancel, name="job-cancel"),
    path("<int:pk>/undo/", views.job_undo, name="job-undo"),
    path("<int:pk>/file/", views.job_file, name="job-file"),
    path("<int:pk>/returned/", views.job_returned, name="job-returned"),
]
