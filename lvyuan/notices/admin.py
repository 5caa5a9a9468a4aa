from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob

from lvyuan.notices import actions
from lvyuan.notices.models import Delivery, Kind, Webhook
from lvyuan.ui.admin import DefinitionAdmin, LookAdmin

# The queue's own pages are in English, and their buttons act past the history.
admin.site.unregister(ProcrastinateJob)


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """A webhook as an admin edits it; the secret can be set and replaced, never read."""

    kinds = forms.MultipleChoiceField(label=_("通知类别"), choices=Kind.choices, widget=forms.CheckboxSelectMultiple)
    secret = forms.CharField(
        label=_("签名密钥"),
        required=False,
        strip=False,
        min_length=16,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("至少16个字符，接收方用它核对签名。保存后不再显示；留空表示不改。"),
    )

    class Meta:
        model = Webhook
        fields = ["name", "url", "kinds", "secret", "is_active"]

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"] or self.instance.secret)
        if not secret:
            raise forms.ValidationError(gettext("请填写签名密钥。"))
        return secret


@admin.register(Webhook)
class WebhookAdmin(DefinitionAdmin):
    form = WebhookForm
    list_display = ["name", "url", "is_active"]


@admin.register(Delivery)
class DeliveryAdmin(LookAdmin):
    """What went out and what did not; failed deliveries can be sent again."""

    list_display = ["notice", "recipient", "channel", "webhook", "state", "attempts", "next_try_at", "last_error"]
    list_filter = ["state", "channel"]
    list_select_related = ["notice__recipient", "webhook"]
    actions = ["send_again"]

    @admin.display(description=_("收件人"))
    def recipient(self, delivery: Delivery) -> str:
        return "" if delivery.webhook_id else str(delivery.notice.recipient)

    @admin.action(description=_("重新发送所选的失败项"))
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        count = actions.send_again(by=request.user, deliveries=deliveries)
        self.message_user(
            request, gettext("%(count)s项将重新发送。") % {"count": count}, messages.SUCCESS if count else messages.INFO
        )
