from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


def client_address(request: HttpRequest) -> str:
    """The person's address: behind the proxy (HTTPS) the one it passes on, which it always overwrites."""
    forwarded = request.META.get("HTTP_X_REAL_IP", "") if settings.HTTPS else ""
    return forwarded or request.META.get("REMOTE_ADDR", "")


class SignInForm(AuthenticationForm):
    username = UsernameField(label=_("用户名"), max_length=150, widget=forms.TextInput(attrs={"autofocus": True}))
    error_messages = {
        "invalid_login": _("用户名或密码不对，请重新输入。连续输错 5 次将锁定 15 分钟。"),
        "inactive": _("这个账号已停用，请联系管理员。"),
    }


class SignIn(views.LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(views.LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


class ChangePassword(views.PasswordChangeView):
    template_name = "accounts/password.html"
    success_url = reverse_lazy("cockpit:home")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, gettext("密码已修改。"))
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)
