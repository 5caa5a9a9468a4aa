from django.urls import path

from indicators.views import reading, reporting

app_name = "indicators"
urlpatterns = [
    path("indicators/", reading.indicator_list, name="indicator-list"),
    path("indicators/<slug:code>/", reading.indicator_detail, name="indicator-detail"),
    path("figures/target/<str:district>/<slug:code>/", reading.target_detail, name="target-detail"),
    path("figures/<slug:code>/<str:district>/<str:period>/", reading.figure_detail, name="figure-detail"),
    path("rounds/", reporting.round_list, name="round-list"),
    path("rounds/<slug:code>/", reporting.round_detail, name="round-detail"),
    path("rounds/<slug:code>/<slug:department>/", reporting.submission_form, name="submission-form"),
    path("entries/<int:pk>/evidence/", reporting.evidence_create, name="evidence-create"),
    path("evidence/<int:pk>/", reporting.evidence_detail, name="evidence-detail"),
    path("reviews/", reporting.review_list, name="review-list"),
    path("reviews/<int:pk>/", reporting.review_detail, name="review-detail"),
    path("reviews/<int:pk>/approve/", reporting.review_approve, name="review-approve"),
    path("reviews/<int:pk>/return/", reporting.review_return, name="review-return"),
]
