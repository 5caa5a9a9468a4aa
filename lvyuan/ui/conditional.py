"""Unchanged pages cost nothing: a read page that stands as the browser has it is answered 304, uncomputed.

And what one person's view computed serves the next person of the same role, until the data change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.views.decorators.http import condition

from lvyuan.accounts.models import User
from lvyuan.audit.triggers import TOPICS
from lvyuan.audit.version import version_sql
from lvyuan.notices.models import Notice

# What makes an htmx answer another thing than the page of the same address.
HTMX_HEADERS = ("HX-Request", "HX-Boosted", "HX-Target", "HX-History-Restore-Request")
CODE = ("lvyuan", "indicators", "projects", "locale")
# What is one person's own on a shared page stands in ui/_who.html, between two of these.
OWN = b"<!--own-->"


def conditional_page(*topics: str, shared: bool = False) -> Callable[[Any], Any]:
    """Answers 304 when nothing has changed that the page shows; otherwise 200 with a new ETag.

    For pages that people read, never for entry, review, history or accounts. Stands next to the view, inside
    `require_safe` and `require_role`:

        @require_safe
        @conditional_page(FIGURES)
        def indicator_list(request): ...

    `topics` (lvyuan.audit.triggers) name all the data that the page reads. A recorded model that names no topic is
    FIGURES; `recorded(topic=…)` says otherwise. Everything else that may differ is told apart here, without a word from
    the view: address with query, htmx or not, person with role and department, CSRF secret, language, local date,
    unread notices, release, code and settings. So a page may depend on these, on rows of its topics and on the local
    date; a page that compares a column with the time of day needs that column among its model's `moments`; one that
    reads another cookie, the session, a file or a table that is not recorded must not use this.

    The ETag is read before the page is computed, so a page is never younger than its ETag says: what is committed in
    between shows again as a change. It is weak, since the CSRF token is masked anew each time; the one in a kept page
    stays good as long as the secret, and a new secret (each sign-in) is another ETag. While messages wait, or without a
    secret yet, there is none.

    `shared` says that, but for ui/_who.html, the page is the same for everybody of one role and department. It is then
    kept in the process's memory (CACHES["pages"]) under all of the above that is not one person's own, and computed
    again only when that has changed. Such a page has no form to post outside ui/_who.html.
    """
    assert topics, "say what the page shows"
    assert set(topics) <= set(TOPICS), topics
    asked = frozenset(topics)

    def decorate(view: Any) -> Any:
        computed = _kept(view) if shared else view
        conditional = condition(etag_func=lambda request, *args, **kwargs: _etag(request, asked))(computed)

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response: HttpResponse = conditional(request, *args, **kwargs)
            if response.status_code not in (200, 304):
                del response["ETag"]
            patch_vary_headers(response, HTMX_HEADERS)
            return response

        wrapper.topics, wrapper.shared = asked, shared  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _kept(view: Any) -> Any:
    """Computes the page unless it is kept; what is the person's own is rendered each time."""

    @wraps(view)
    def from_memory(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key: str | None = getattr(request, "shared_key", None)
        if key is None:
            computed: HttpResponse = view(request, *args, **kwargs)
            return computed
        pages = caches["pages"]
        if (kept := pages.get(key)) is not None:
            content_type, parts = kept
            return HttpResponse(_with_own(parts, request), content_type=content_type)
        response: HttpResponse = view(request, *args, **kwargs)
        if response.status_code == 200 and not response.streaming:
            # A fragment has nothing of one's own; a page has one piece of it, between the two marks.
            parts = response.content.split(OWN)
            assert len(parts) in (1, 3), request.path
            pages.set(key, (response["Content-Type"], parts[::2]))
        return response

    return from_memory


def _with_own(parts: list[bytes], request: HttpRequest) -> bytes:
    own = render_to_string("ui/_who.html", request=request).encode() if len(parts) > 1 else b""
    return own.strip().join(parts)


def _etag(request: HttpRequest, topics: frozenset[str]) -> str | None:
    """Everything the page depends on, as one keyed digest; one query."""
    secret = request.META.get("CSRF_COOKIE")
    if secret is None or len(get_messages(request)):
        return None
    version, unread = _read(topics, request.user)  # type: ignore[arg-type]
    request.unread_notices = unread  # type: ignore[attr-defined]
    role = (request.user.role, request.user.department_id)  # type: ignore[union-attr]
    common = (
        version,
        _installation(),
        role,
        request.get_host(),
        request.get_full_path(),
        [request.headers.get(name) for name in HTMX_HEADERS],
        get_language(),
        timezone.localdate(),
    )
    request.shared_key = _digest(common)  # type: ignore[attr-defined]
    return f'W/"{_digest((common, unread, secret, _person(request.user)))}"'  # type: ignore[arg-type]


def _digest(parts: tuple[Any, ...]) -> str:
    return salted_hmac("lvyuan.ui.conditional", repr(parts), algorithm="sha256").hexdigest()[:40]


def _read(topics: frozenset[str], user: User) -> tuple[str, int]:
    """Data version of the topics, and the person's unread notices."""
    sql, models = version_sql(topics)
    notices = connection.ops.quote_name(Notice._meta.db_table)
    unread = f"(SELECT count(*) FROM {notices} WHERE recipient_id = %(user)s AND read_at IS NULL)"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}, {unread}", {"models": models, "now": timezone.now(), "user": user.pk})
        found: tuple[str, int] = cursor.fetchone()
    return found


def _person(user: User) -> list[Any]:
    """What an account says of its person; signing in changes nothing that a page shows."""
    names = (field.attname for field in User._meta.concrete_fields)
    return [getattr(user, name) for name in names if name not in ("password", "last_login")]


def _installation() -> tuple[Any, ...]:
    """What this installation is; another release, other code or other settings make other pages."""
    return (settings.RELEASE, settings.DEMO, settings.HOME_DISTRICT, settings.RANK_POOL, _code())


@cache
def _code() -> str:
    """A digest of code, templates, translations and static files: RELEASE stays the same on one's own machine."""
    digest = blake2b(getattr(staticfiles_storage, "manifest_hash", "").encode(), digest_size=16)
    for package in CODE:
        for path in sorted((settings.BASE_DIR / package).rglob("*")):
            if path.suffix in (".py", ".html", ".mo"):
                digest.update(path.read_bytes())
    return digest.hexdigest()
