"""What people say beside the figures. Each deed leads back to the page it came from; a refused one is asked again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from indicators import actions
from indicators.models import Annotation, GrowthReason, Indicator, Observation, Vintage
from indicators.refusals import NotAllowed, Refused
from indicators.story_forms import AnnotationForm, GrowthReasonForm, RemarkForm
from indicators.views.reading import get_indicator
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing


@require_POST
def remark_create(request: HttpRequest, code: str) -> HttpResponse:
    indicator, district = get_indicator(request, code), District.objects.get(code=settings.HOME_DISTRICT)
    if not actions.may_remark(request.user, indicator, district.code):
        raise NotAllowed(gettext("只有这项指标的责任单位、审核员、领导和管理员可以参加讨论，没有保存任何内容。"))
    form, error = RemarkForm(request.POST), ""
    if form.is_valid():
        try:
            actions.remark(
                by=request.user,
                indicator=indicator,
                district=district,
                vintage=_shown(indicator, district.code, **_pointer(form)),
                text=form.cleaned_data["text"],
            )
        except Refused as refused:
            error = str(refused)
        else:
            messages.success(request, gettext("已写下。"))
            return redirect(f"{indicator.get_absolute_url()}#remarks")
    return _again(request, form, error, title=gettext("讨论"), back=indicator.get_absolute_url())


def _pointer(form: forms.Form) -> dict[str, Any]:
    return {"period": form.cleaned_data["period"], "number": form.cleaned_data["number"]}


def _shown(indicator: Indicator, district: str, *, period: str, number: int | None) -> Vintage | None:
    """The vintage that the page showed; None where it showed none, 404 where there is no such vintage."""
    if not period and number is None:
        return None
    try:
        asked = Period.from_code(period)
    except ValueError as error:
        raise Missing(gettext("没有“%(period)s”这个时期。") % {"period": period}) from error
    return get_vintage(indicator, district, asked, number)


def get_vintage(indicator: Indicator, district: str, period: Period, number: int | None) -> Vintage:
    """One state of a figure, or a 404 in words."""
    known = Vintage.objects.filter(observation__indicator=indicator, observation__district__code=district)
    found = known.filter(number=number, observation__in=Observation.objects.for_period(period)).first()
    if found is None:
        raise Missing(gettext("没有这一版数据，没有保存任何内容。"))
    return found


@require_POST
@require_role(*actions.ANNOTATORS)
def annotation_create(request: HttpRequest, code: str) -> HttpResponse:
    indicator, form, error = get_indicator(request, code), AnnotationForm(request.POST), ""
    if form.is_valid():
        said = form.cleaned_data
        try:
            actions.annotate(
                by=request.user,
                district=District.objects.get(code=settings.HOME_DISTRICT),
                indicator=None if said["for_all"] else indicator,
                **{name: said[name] for name in ("happened_on", "title", "text", "source")},
            )
        except Refused as refused:
            error = str(refused)
        else:
            messages.success(request, gettext("已记入大事记。"))
            return redirect(f"{indicator.get_absolute_url()}#annotations")
    return _again(request, form, error, title=gettext("大事记"), back=indicator.get_absolute_url())


@require_POST
@require_role(*actions.ANNOTATORS)
def annotation_withdraw(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    indicator = get_indicator(request, code)
    found = Annotation.objects.filter(pk=pk, district__code=settings.HOME_DISTRICT).first()
    if found is None or found.indicator_id not in (None, indicator.pk):
        raise Missing(gettext("没有这条大事记，没有改变任何内容。"))
    try:
        actions.withdraw_annotation(by=request.user, annotation=found)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, gettext("已撤下，历史里留存。"))
    return redirect(f"{indicator.get_absolute_url()}#annotations")


@require_POST
@require_role(*actions.EXPLAINERS)
def reason_create(request: HttpRequest, code: str, district: str, period: str) -> HttpResponse:
    indicator, form, error = get_indicator(request, code), GrowthReasonForm(request.POST), ""
    back = reverse("indicators:figure-detail", args=[code, district, period])
    if form.is_valid():
        vintage = _shown(indicator, district, period=period, number=form.cleaned_data["number"])
        assert vintage is not None  # a period is in the address
        said = {name: form.cleaned_data[name] for name in ("kind", "effect", "source", "note")}
        try:
            actions.explain_growth(by=request.user, vintage=vintage, **said)
        except Refused as refused:
            error = str(refused)
        else:
            messages.success(request, gettext("已记下原因。"))
            return redirect(f"{back}#difference")
    return _again(request, form, error, title=gettext("增速差异的原因"), back=back)


@require_POST
@require_role(*actions.EXPLAINERS)
def reason_drop(request: HttpRequest, code: str, district: str, period: str, number: int, kind: str) -> HttpResponse:
    vintage = _shown(get_indicator(request, code), district, period=period, number=number)
    found = GrowthReason.objects.filter(vintage=vintage, kind=kind).first()
    if found is None:
        raise Missing(gettext("没有这条原因，没有改变任何内容。"))
    try:
        actions.drop_reason(by=request.user, growth_reason=found)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, gettext("已删除，历史里留存。"))
    return redirect(f"{reverse('indicators:figure-detail', args=[code, district, period])}#difference")


def _again(request: HttpRequest, form: forms.Form, error: str, *, title: str, back: str) -> HttpResponse:
    """The form alone, with what was typed and why it was not taken."""
    shown = {"form": form, "error": error, "form_title": title, "back": back}
    return render(request, "indicators/story_form.html", shown, status=409 if error else 422)
