from django.urls import path

from lvyuan.cockpit import views

app_name = "cockpit"
urlpatterns = [
    path("", views.home, name="home"),
    path("cockpit/", views.cockpit, name="cockpit"),
    path("strategy/", views.strategy, name="strategy"),
]
