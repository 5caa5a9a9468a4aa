from django.urls import path

from projects import views

app_name = "projects"
urlpatterns = [
    path("projects/", views.project_list, name="project-list"),
    path("projects/<slug:code>/", views.project_detail, name="project-detail"),
    path("figures/portfolio/<str:district>/<str:address>/", views.portfolio_figure, name="portfolio-figure"),
]
