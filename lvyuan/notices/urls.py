from django.urls import path

from lvyuan.notices import views

app_name = "notices"
urlpatterns = [
    path("", views.notice_list, name="notice-list"),
    path("read/", views.notice_read_all, name="notice-read-all"),
    path("choices/", views.notice_choices, name="notice-choices"),
    path("<int:pk>/read/", views.notice_read, name="notice-read"),
]
