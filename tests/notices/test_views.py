"""One's own notices and choices, and nobody else's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lvyuan.notices.actions import notify
from lvyuan.notices.models import Delivery, Kind, Notice, NoticeChoice, Webhook
from tests.notices.conftest import message

pytestmark = pytest.mark.django_db
HEADER_COUNT = "条未读</span>）"


def test_list_shows_ones_own_newest_first(signed_in, cast, clock):
    notify([message(cast.staff, title="先到的"), message(cast.staff2, title="别人的")])
    clock.later(minutes=1)
    notify([message(cast.staff, key="event-2", title="后到的")])
    text = signed_in("staff").get("/notices/").content.decode()
    assert text.index("后到的") < text.index("先到的")
    assert "别人的" not in text
    assert text.count('<span class="mark dot info">未读</span>') == 2


def test_nobody_yet_told_sees_so(signed_in):
    text = signed_in("leader").get("/notices/").content.decode()
    assert "还没有通知" in text
    assert "全部标为已读" not in text


def test_text_is_escaped(signed_in, cast):
    notify([message(cast.staff, title="<b>x</b>", text="<script>1</script>\n第二行")])
    text = signed_in("staff").get("/notices/").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "&lt;script&gt;1&lt;/script&gt;<br>第二行" in text


def test_header_counts_unread_with_one_query(signed_in, cast):
    client = signed_in("staff")
    client.get("/accounts/password/")
    with CaptureQueriesContext(connection) as queries:
        assert HEADER_COUNT not in client.get("/accounts/password/").content.decode()
    notify([message(cast.staff, key=f"event-{n}") for n in range(30)])
    with CaptureQueriesContext(connection) as more:
        assert f'30<span class="visually-hidden">{HEADER_COUNT}' in client.get("/accounts/password/").content.decode()
    assert len(more) == len(queries)
    assert sum("notices_notice" in query["sql"] for query in more) == 1


def test_definitions_site_asks_for_no_notices(signed_in):
    client = signed_in("admin")
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")
    assert not any("notices_notice" in query["sql"] for query in queries)


def test_list_takes_the_same_queries_for_one_and_many_and_pages(signed_in, cast):
    client = signed_in("staff")
    notify([message(cast.staff)])
    client.get("/notices/")
    with CaptureQueriesContext(connection) as one:
        client.get("/notices/")
    notify([message(cast.staff, key=f"event-{n}") for n in range(2, 62)])
    with CaptureQueriesContext(connection) as many:
        assert "第 1 页，共 2 页，61 条" in client.get("/notices/").content.decode()
    assert len(one) == len(many)
    assert client.get("/notices/?page=2").content.decode().count("<th class") == 11


def test_marking_one_and_opening_it(signed_in, cast):
    one, two = notify([message(cast.staff), message(cast.staff, key="event-2")])
    client = signed_in("staff")
    assert client.post(f"/notices/{one.pk}/read/")["Location"] == "/notices/"
    assert client.post(f"/notices/{two.pk}/read/", {"open": "1"})["Location"] == "/rounds/"
    assert not Notice.objects.unread().exists()


def test_marking_all_leaves_others_alone(signed_in, cast):
    notify([message(cast.staff), message(cast.staff, key="event-2"), message(cast.staff2)])
    client = signed_in("staff")
    assert "已把2条通知标为已读" in client.post("/notices/read/", follow=True).content.decode()
    assert "没有未读通知" in client.post("/notices/read/", follow=True).content.decode()
    assert Notice.objects.unread().get().recipient == cast.staff2


@pytest.mark.parametrize("role", ["staff2", "reviewer", "leader", "admin", "auditor"])
def test_anothers_notice_does_not_exist(signed_in, cast, role):
    (notice,) = notify([message(cast.staff)])
    assert signed_in(role).post(f"/notices/{notice.pk}/read/").status_code == 404
    assert Notice.objects.unread().count() == 1


def test_choices_begin_with_what_holds_and_are_kept(signed_in, cast):
    client = signed_in("leader")
    text = client.get("/notices/choices/").content.decode()
    assert text.count('<option value="at_once" selected>') == 3
    assert text.count('<option value="digest" selected>') == len(Kind) - 3
    chosen = dict.fromkeys(Kind.values, "off") | {"returned": "digest"}
    assert client.post("/notices/choices/", chosen).status_code == 302
    assert dict(NoticeChoice.objects.filter(user=cast.leader).values_list("kind", "mail")) == chosen
    assert client.get("/notices/choices/").content.decode().count('<option value="off" selected>') == len(Kind) - 1


def test_a_choice_that_is_none_is_refused_and_nothing_kept(signed_in):
    response = signed_in("staff").post("/notices/choices/", {"returned": "daily"})
    assert response.status_code == 422
    assert not NoticeChoice.objects.exists()


def test_choices_say_where_mail_goes(signed_in, people, settings):
    client = signed_in("staff")
    assert "没有设置邮件服务器" in client.get("/notices/choices/").content.decode()
    settings.MAIL_CONFIGURED = True
    assert "邮件发到 t-staff@example.gov.cn" in client.get("/notices/choices/").content.decode()
    people.staff.email = ""
    people.staff.save(update_fields=["email"])
    assert "没有邮箱地址" in client.get("/notices/choices/").content.decode()


def test_notices_are_never_stored(signed_in):
    assert "no-store" in signed_in("staff").get("/notices/")["Cache-Control"]


# The definitions site


def test_admin_sets_a_secret_and_never_reads_it(signed_in):
    client = signed_in("admin")
    data = {"name": "政务通", "url": "https://im.example/hook", "kinds": ["overdue", "chased"], "is_active": "on"}
    add = "/admin/notices/webhook/add/"
    assert "请填写签名密钥" in client.post(add, data).content.decode()
    assert "至少" in client.post(add, data | {"secret": "short"}).content.decode()
    assert client.post(add, data | {"secret": "0123456789abcdef"}).status_code == 302
    hook = Webhook.objects.get()
    page = f"/admin/notices/webhook/{hook.pk}/change/"
    assert "0123456789abcdef" not in client.get(page).content.decode()
    assert client.post(page, data | {"name": "改名"}).status_code == 302
    hook.refresh_from_db()
    assert (hook.name, hook.secret, hook.kinds) == ("改名", "0123456789abcdef", ["overdue", "chased"])


@pytest.mark.parametrize("url", ["ftp://im.example/", "javascript:alert(1)", "im.example"])
def test_admin_cannot_name_another_scheme(signed_in, url):
    data = {"name": "x", "url": url, "kinds": ["overdue"], "secret": "0123456789abcdef"}
    assert signed_in("admin").post("/admin/notices/webhook/add/", data).status_code == 200
    assert not Webhook.objects.exists()


def test_admin_sees_failures_and_sends_again(signed_in, people, mailbox):
    notify([message(people.staff)])
    Delivery.objects.update(state="failed", attempts=8, last_error="550 no such user")
    client = signed_in("admin")
    text = client.get("/admin/notices/delivery/?state__exact=failed").content.decode()
    assert "550 no such user" in text
    failed = Delivery.objects.get()
    data = {"action": "send_again", "_selected_action": [failed.pk]}
    assert client.post("/admin/notices/delivery/", data).status_code == 302
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("pending", 0)
    assert client.post(f"/admin/notices/delivery/{failed.pk}/delete/", {"post": "yes"}).status_code == 403


def test_definitions_site_shows_no_pages_of_the_queue(signed_in, cast):
    cast.admin.is_superuser = True  # as `createsuperuser` makes the first account
    cast.admin.save(update_fields=["is_superuser"])
    assert signed_in("admin").get("/admin/procrastinate/").status_code == 404
