from django.urls import path

from lvyuan.audit import views

app_name = "audit"
urlpatterns = [path("history/", views.event_list, name="event-list")]
