"""Which language a page speaks: Chinese, unless the person chose English; and the choosing."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

SCRIPTS = Path(__file__).parent / "static" / "ui"
_SCRIPT_TEXT = re.compile(r'\bwords\("([^"]+)"')
CODES = frozenset(code for code, _ in settings.LANGUAGES)
# What is stored is said in the language of the data, whoever asks: light sentences, notices, the history. A decorator.
stored = translation.override(settings.LANGUAGE_CODE)


class ChosenLanguageMiddleware:
    """Answers in the language of the person's cookie, in Chinese without one.

    Django's LocaleMiddleware would also read Accept-Language, and an office computer with an English browser must show
    Chinese. What the browser prefers is never asked here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        language = chosen if chosen in CODES else settings.LANGUAGE_CODE
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", html_language(language))
        return response


@require_POST
@login_not_required
def language_choose(request: HttpRequest) -> HttpResponse:
    """Keeps the choice for a year, and leads back to the page it was made on; 400 for a language that is not spoken."""
    code = request.POST.get("language")
    if code not in CODES:
        raise BadRequest
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return response


def html_language(code: str | None = None) -> str:
    """The language as `<html lang>` writes it: zh-Hans, en."""
    return translation.to_locale(code or translation.get_language() or settings.LANGUAGE_CODE).replace("_", "-")


@cache
def script_texts() -> tuple[str, ...]:
    """Every text that our scripts say by `words("…")`."""
    found = (_SCRIPT_TEXT.findall(path.read_text()) for path in sorted(SCRIPTS.glob("*.js")))
    return tuple(dict.fromkeys(text for texts in found for text in texts))
