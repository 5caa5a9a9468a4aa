"""Pages of one's own notices. Everybody has some, nobody sees another's."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lvyuan.notices import actions
from lvyuan.notices.forms import ChoicesForm
from lvyuan.notices.models import Kind, Notice, NoticeChoice, default_mailing
from lvyuan.ui.views import Missing

PER_PAGE = 50


def get_notice(request: HttpRequest, pk: int) -> Notice:
    """The notice if it is this person's own, else a 404."""
    notice = Notice.objects.visible_to(request.user).filter(pk=pk).first()
    if notice is None:
        raise Missing(gettext("没有这条通知，或者它不是给您的。"))
    return notice


@require_safe
def notice_list(request: HttpRequest) -> HttpResponse:
    notices = Notice.objects.visible_to(request.user)
    return render(
        request,
        "notices/notice_list.html",
        {"page": Paginator(notices, PER_PAGE).get_page(request.GET.get("page"))},
    )


@require_POST
def notice_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Marks a notice as read, and leads to its page if the person asked to open it."""
    notice = get_notice(request, pk)
    actions.mark_read(by=request.user, notices=[notice])
    return redirect(notice if "open" in request.POST else "notices:notice-list")


@require_POST
def notice_read_all(request: HttpRequest) -> HttpResponse:
    count = actions.mark_read(by=request.user, notices=Notice.objects.visible_to(request.user).unread())
    messages.success(
        request, gettext("已把%(count)s条通知标为已读。") % {"count": count} if count else gettext("没有未读通知。")
    )
    return redirect("notices:notice-list")


@require_http_methods(["GET", "HEAD", "POST"])
def notice_choices(request: HttpRequest) -> HttpResponse:
    """How one wants each kind of notice by mail."""
    kept = dict(NoticeChoice.objects.filter(user=request.user).values_list("kind", "mail"))
    initial = {kind.value: kept.get(kind, default_mailing(kind)) for kind in Kind}
    form = ChoicesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.choose_mailing(by=request.user, choices=form.cleaned_data)
        messages.success(request, gettext("邮件设置已保存，对今后的通知有效。"))
        return redirect("notices:notice-choices")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "mail_configured": settings.MAIL_CONFIGURED}
    return render(request, "notices/notice_choices.html", context, status=status)
