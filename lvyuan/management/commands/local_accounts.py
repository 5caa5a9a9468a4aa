"""`manage.py local_accounts`: one account of each role, to try things out on one's own machine."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lvyuan.accounts.models import Department, Role, User
from lvyuan.audit.context import acting

# user name, name, role, department of the home district
ACCOUNTS = (
    ("staff", "工信局填报员", Role.STAFF, "gxj"),
    ("staff2", "商务局填报员", Role.STAFF, "swj"),
    ("staff3", "统计局填报员", Role.STAFF, "tjj"),
    ("head", "商务局负责人", Role.STAFF, "swj"),
    ("reviewer", "统计局审核员", Role.REVIEWER, "tjj"),
    ("leader", "区领导", Role.LEADER, None),
    ("admin", "系统管理员", Role.ADMIN, None),
    ("auditor", "安全审计员", Role.AUDITOR, None),
)


class Command(BaseCommand):
    help = "建立或恢复本机试用账号；只在 LOCAL_ACCOUNTS=1 时可用，密码取自 LOCAL_PASSWORD。"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL_ACCOUNTS:
            raise CommandError("没有启用本机试用账号（LOCAL_ACCOUNTS=1），没有建立任何账号。")
        with acting(origin="local_accounts", reason="本机试用账号"), transaction.atomic():
            people = [_put(*account) for account in ACCOUNTS]
        head = ("账号", "角色", "姓名", "单位", "密码")
        lines = [
            (
                person.username,
                str(person.get_role_display()),
                person.name,
                str(person.department or ""),
                settings.LOCAL_PASSWORD,
            )
            for person in people
        ]
        for line in (head, *lines):
            self.stdout.write("  ".join(_padded(text, 14) for text in line).rstrip())


def _put(username: str, name: str, role: Role, department_code: str | None) -> User:
    """The account as it should be; nothing is written when it already is."""
    department = None
    if department_code:
        department = Department.objects.filter(district__code=settings.HOME_DISTRICT, code=department_code).first()
        if department is None:
            raise CommandError(f"没有代码为“{department_code}”的部门，请先运行 load_fixtures；没有建立任何账号。")
    person = User.objects.filter(username=username).first() or User(username=username, is_local=True)
    if not person.is_local:
        raise CommandError(f"“{username}”已是正式账号，没有建立任何本机试用账号。")
    wanted = {
        "name": name,
        "role": role,
        "department": department,
        "is_department_head": username == "head",
        "is_active": True,
    }
    changed = [field for field, value in wanted.items() if person.pk is None or getattr(person, field) != value]
    for field in changed:
        setattr(person, field, wanted[field])
    if person.pk is None or not person.check_password(settings.LOCAL_PASSWORD):
        person.set_password(settings.LOCAL_PASSWORD)
        changed.append("password")
    if person.pk is None:
        person.full_clean()
        person.save()
    elif changed:
        person.full_clean()
        person.save(update_fields=changed)
    return person


def _padded(text: str, width: int) -> str:
    """Filled up to `width` columns, of which a Chinese character takes two."""
    taken = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * (width - taken)
