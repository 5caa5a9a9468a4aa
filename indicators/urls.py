from django.urls import path

from indicators.views import (
    board,
    charts,
    compare,
    entry,
    exceptions,
    exemptions,
    lights,
    moves,
    ranks,
    reading,
    releases,
    review,
    rounds,
    stories,
    targets,
    tasks,
    workbooks,
)

app_name = "indicators"
reading_pages = [
    path("indicators/", reading.indicator_list, name="indicator-list"),
    path("compare/", compare.compare_detail, name="compare"),
    path("charts/headline.json", charts.headline_charts, name="headline-charts"),
    path("indicators/<slug:code>/", reading.indicator_detail, name="indicator-detail"),
    path("figures/target/<str:district>/<slug:code>/", reading.target_detail, name="target-detail"),
    path("figures/<slug:code>/<str:district>/<str:period>/", reading.figure_detail, name="figure-detail"),
]
round_pages = [
    path("tasks/", tasks.task_list, name="task-list"),
    path("board/", board.board_detail, name="board"),
    path("board/chase/", board.board_chase, name="board-chase"),
    path("rounds/", rounds.round_list, name="round-list"),
    path("rounds/new/", rounds.round_create, name="round-create"),
    path("rounds/<slug:code>/", rounds.round_detail, name="round-detail"),
    path("rounds/<slug:code>/change/", rounds.round_change, name="round-change"),
    path("rounds/<slug:code>/exceptions/", exceptions.exception_list, name="exception-list"),
    path("rounds/<slug:code>/exceptions/grant/", exceptions.exception_grant, name="exception-grant"),
    path("rounds/<slug:code>/exceptions/<int:pk>/end/", exceptions.exception_end, name="exception-end"),
]
entry_pages = [
    path("rounds/<slug:code>/<slug:department>/", entry.submission_form, name="submission-form"),
    path("rounds/<slug:code>/<slug:department>/cells/", entry.cells_save, name="cells-save"),
    path("rounds/<slug:code>/<slug:department>/lines/", entry.lines_feedback, name="lines-feedback"),
    path("rounds/<slug:code>/<slug:department>/print/", entry.form_print, name="form-print"),
    path("rounds/<slug:code>/<slug:department>/form.xlsx", workbooks.form_workbook, name="form-workbook"),
    path("rounds/<slug:code>/<slug:department>/upload/", workbooks.form_upload, name="form-upload"),
    path(
        "rounds/<slug:code>/<slug:department>/upload/<int:pk>/",
        workbooks.form_upload_detail,
        name="form-upload-detail",
    ),
    path("entries/<int:pk>/evidence/", entry.evidence_create, name="evidence-create"),
    path("evidence/<int:pk>/", entry.evidence_detail, name="evidence-detail"),
]
review_pages = [
    path("reviews/", review.review_list, name="review-list"),
    path("reviews/exemptions/", exemptions.exemption_list, name="exemption-list"),
    path("reviews/approve/", review.review_approve_many, name="review-approve-many"),
    path("reviews/<int:pk>/", review.review_detail, name="review-detail"),
    path("reviews/<int:pk>/approve/", review.review_approve, name="review-approve"),
    path("reviews/<int:pk>/return/", review.review_return, name="review-return"),
    path("reviews/<int:pk>/reopen/", review.review_reopen, name="review-reopen"),
    path("reviews/<int:pk>/excuse/", review.review_excuse, name="review-excuse"),
    path("reviews/<int:pk>/undo/", review.review_undo, name="review-undo"),
    path("reviews/<int:pk>/resume/", review.review_resume, name="review-resume"),
    path("submissions/<int:pk>/withdraw/", moves.submission_withdraw, name="submission-withdraw"),
    path("submissions/<int:pk>/sign/", moves.submission_sign, name="submission-sign"),
    path("submissions/<int:pk>/decline/", moves.submission_decline, name="submission-decline"),
    path("releases/", releases.release_list, name="release-list"),
    path("releases/new/", releases.release_create, name="release-create"),
]
target_pages = [
    path("targets/", targets.target_list, name="target-list"),
    path("targets/new/", targets.target_create, name="target-create"),
    path("targets/<str:district>/<slug:code>/change/", targets.target_change, name="target-change"),
]
story_pages = [
    path("indicators/<slug:code>/ranks/", ranks.rank_detail, name="rank-detail"),
    path("indicators/<slug:code>/remarks/", stories.remark_create, name="remark-create"),
    path("indicators/<slug:code>/annotations/", stories.annotation_create, name="annotation-create"),
    path(
        "indicators/<slug:code>/annotations/<int:pk>/withdraw/",
        stories.annotation_withdraw,
        name="annotation-withdraw",
    ),
    path("figures/<slug:code>/<str:district>/<str:period>/reasons/", stories.reason_create, name="reason-create"),
    path(
        "figures/<slug:code>/<str:district>/<str:period>/reasons/<int:number>/<slug:kind>/drop/",
        stories.reason_drop,
        name="reason-drop",
    ),
]
light_pages = [
    path("lights/", lights.light_list, name="light-list"),
    path("lights/exemptions/grant/", lights.light_exempt, name="light-exempt"),
    path("lights/exemptions/<int:pk>/end/", lights.light_exemption_end, name="light-exemption-end"),
    path("lights/<slug:code>/", lights.light_detail, name="light-detail"),
    path("lights/<slug:code>/change/", lights.light_change, name="light-change"),
    path("lights/<slug:code>/uses/", lights.light_use, name="light-use"),
]
urlpatterns = [*target_pages, *story_pages, *reading_pages, *round_pages, *entry_pages, *review_pages, *light_pages]
