from __future__ import annotations

from django import forms
from django.apps import apps
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from lvyuan.accounts.models import Role
from lvyuan.audit.exports import history_book
from lvyuan.audit.models import Event
from lvyuan.audit.rights import recorded_models
from lvyuan.ui.export import asked_format, exportable, file_response
from lvyuan.ui.http import require_role

PAGE_SIZE = 50
CHUNK = 2_000  # events of a file at a time


class EventFilterForm(forms.Form):
    model = forms.ChoiceField(label=_("对象类别"), required=False)
    object_pk = forms.CharField(label=_("对象编号"), required=False, max_length=80)
    actor = forms.CharField(label=_("操作人"), required=False, max_length=60)
    operation = forms.ChoiceField(
        label=_("操作"), required=False, choices=[("", _("全部操作")), *Event.Operation.choices]
    )
    request_id = forms.CharField(label=_("请求号"), required=False, max_length=40)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        model = self.fields["model"]
        assert isinstance(model, forms.ChoiceField)
        model.choices = [
            ("", _("全部类别")),
            *((m._meta.label_lower, m._meta.verbose_name) for m in recorded_models()),
        ]


@require_safe
@require_role(Role.AUDITOR)
@exportable
def event_list(request: HttpRequest) -> HttpResponseBase:
    """The history, newest first; the auditors' own page."""
    form, events = EventFilterForm(request.GET), Event.objects.all()
    if form.is_valid():
        said = form.cleaned_data
        exact = {name: said[name] for name in ("model", "object_pk", "operation", "request_id") if said[name]}
        events = events.filter(**exact)
        if said["actor"]:
            events = events.filter(actor__icontains=said["actor"])
    names = {model._meta.label_lower: str(model._meta.verbose_name) for model in apps.get_models()}
    if wanted := asked_format(request):  # of millions of events no page is made
        return file_response(request, history_book(events.iterator(chunk_size=CHUNK), names, form), wanted)
    page = Paginator(events, PAGE_SIZE).get_page(request.GET.get("page"))
    for event in page:
        event.model_name = names.get(event.model, event.model)
    return render(request, "audit/event_list.html", {"page": page, "filter": form})
