"""Light rules in words, what a change would do, who uses them, and exemptions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, F
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from indicators import actions, exports
from indicators.light_forms import LightExemptionForm, RuleForm, RuleUseForm
from indicators.light_preview import preview
from indicators.lights import parse_rule
from indicators.models import Light, LightExemption, LightResult, LightRule, LightRuleVersion
from indicators.refusals import Refused
from lvyuan.accounts.models import District, Role
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing


def _home() -> District:
    return District.objects.get(code=settings.HOME_DISTRICT)


def _in_words(version: LightRuleVersion | None) -> dict[str, Any] | None:
    """A version with its conditions as people read them."""
    if version is None:
        return None
    rule = parse_rule(version.conditions, version.otherwise)
    said = [{"state": _state(one.light.value), "words": one.words} for one in rule.conditions]
    return {"version": version, "conditions": said, "otherwise": _state(version.otherwise)}


def _state(light: str) -> str:
    return "unrated" if light == Light.NONE else light


def get_rule(code: str) -> LightRule:
    """The rule, or a 404 in words."""
    found = LightRule.objects.filter(code=code).first()
    if found is None:
        raise Missing(gettext("没有代码为“%(code)s”的评灯规则。") % {"code": code})
    return found


@require_safe
@exportable
def light_list(request: HttpRequest) -> HttpResponseBase:
    return _list(request)


def _list(
    request: HttpRequest, *, form: LightExemptionForm | None = None, error: str = "", status: int = 200
) -> HttpResponseBase:
    today = timezone.localdate()
    versions = {version.rule_id: version for version in LightRuleVersion.objects.in_force(today)}
    rules = LightRule.objects.prefetch_related("indicators").order_by(F("default_for").desc(), "code")
    exemptions = LightExemption.objects.filter(district__code=settings.HOME_DISTRICT)
    if form is None and request.user.has_role(Role.REVIEWER):
        form = LightExemptionForm(today=today)
    shown: dict[str, Any] = {
        "rules": [{"rule": rule, "said": _in_words(versions.get(rule.pk))} for rule in rules],
        "exemptions": [
            {"exemption": one, "has_ended": one.valid_to < today, "may_end": form is not None and one.valid_to > today}
            for one in exemptions.select_related("indicator", "approved_by")
            if one.valid_to is not None
        ],
        "form": form,
        "error": error,
    }
    return page_or_file(
        request,
        "indicators/light_list.html",
        shown,
        book=lambda: exports.lights_book(shown["rules"], shown["exemptions"]),
        status=status,
    )


@require_safe
@exportable
def light_detail(request: HttpRequest, code: str) -> HttpResponseBase:
    return _detail(request, get_rule(code))


def _detail(
    request: HttpRequest, rule: LightRule, *, form: RuleUseForm | None = None, error: str = "", status: int = 200
) -> HttpResponseBase:
    in_use = LightResult.objects.filter(
        district__code=settings.HOME_DISTRICT,
        rule_version__rule=rule,
        vintage=F("vintage__observation__current"),
    ).in_force()
    counted = dict(
        LightResult.objects.filter(pk__in=in_use.values("pk")).order_by().values_list("light").annotate(Count("pk"))
    )
    may_change = request.user.has_role(Role.ADMIN)
    if form is None and may_change and rule.default_for != LightRule.Subject.PROJECT:
        form = RuleUseForm()
    shown: dict[str, Any] = {
        "rule": rule,
        "versions": [_in_words(version) for version in rule.versions.select_related("adopted_by")],
        "counts": [(_state(light.value), counted.get(light.value, 0)) for light in Light],
        "uses": rule.indicators.all(),
        "may_change": may_change,
        "form": form,
        "error": error,
    }
    return page_or_file(
        request,
        "indicators/light_detail.html",
        shown,
        book=lambda: exports.light_book(rule, shown["versions"], shown["counts"]),
        status=status,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
def light_change(request: HttpRequest, code: str) -> HttpResponseBase:
    """First a preview on the months judged already, then the adoption of what was previewed."""
    rule = get_rule(code)
    form = RuleForm(request.POST if request.method == "POST" else None, version=rule.versions.first())
    error, status, seen = "", 200, None
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        assert form.rule is not None
        if "adopt" in request.POST and form.was_previewed:
            given = {name: form.cleaned_data[name] for name in ("otherwise", "valid_from", "reason", "authority")}
            try:
                adopted = actions.adopt_rule(by=request.user, rule=rule, conditions=form.conditions, **given)
            except Refused as refused:
                error, status = str(refused), 409
            else:
                messages.success(request, gettext("已采用第%(number)s版。已评的灯不变。") % {"number": adopted.number})
                return redirect("indicators:light-detail", code=code)
        elif "adopt" in request.POST:
            error, status = gettext("条件改过了，请先看预览，再采用。没有改变任何内容。"), 409
        seen = preview(rule, form.rule, district=settings.HOME_DISTRICT)
    shown = {"rule": rule, "form": form, "preview": seen, "error": error}
    return render(request, "indicators/light_change.html", shown, status=status)


@require_POST
@require_role(Role.ADMIN)
def light_use(request: HttpRequest, code: str) -> HttpResponseBase:
    """The indicator is judged by this rule from now on; `end` hands it back to the default."""
    rule = get_rule(code)
    form = RuleUseForm(request.POST)
    if not form.is_valid():
        return _detail(request, rule, form=form, status=422)
    indicator, reason = form.cleaned_data["indicator"], form.cleaned_data["reason"]
    wanted = None if "end" in request.POST else rule
    try:
        actions.assign_rule(by=request.user, district=_home(), indicator=indicator, rule=wanted, reason=reason)
    except Refused as refused:
        return _detail(request, rule, form=form, error=str(refused), status=409)
    messages.success(
        request,
        gettext("%(indicator)s今后按%(wanted)s评定。")
        % {"indicator": indicator, "wanted": f"“{rule}”" if wanted else gettext("默认规则")},
    )
    return redirect("indicators:light-detail", code=code)


@require_POST
@require_role(Role.REVIEWER)
def light_exempt(request: HttpRequest) -> HttpResponseBase:
    form = LightExemptionForm(request.POST)
    if not form.is_valid():
        return _list(request, form=form, status=422)
    try:
        granted = actions.exempt_light(by=request.user, district=_home(), **form.cleaned_data)
    except Refused as refused:
        return _list(request, form=form, error=str(refused), status=409)
    messages.success(request, gettext("已批准%(indicator)s的豁免，到期自动恢复。") % {"indicator": granted.indicator})
    return redirect("indicators:light-list")


@require_POST
@require_role(Role.REVIEWER)
def light_exemption_end(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = LightExemption.objects.filter(district__code=settings.HOME_DISTRICT, pk=pk).first()
    if found is None:
        raise Missing(gettext("没有这项豁免。"))
    try:
        actions.end_exemption(by=request.user, exemption=found, reason=request.POST.get("reason", ""))
    except Refused as refused:
        return _list(request, error=str(refused), status=409)
    messages.success(request, gettext("豁免已结束。"))
    return redirect("indicators:light-list")
