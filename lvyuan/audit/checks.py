from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from lvyuan.embedded import PG_MAJOR


@register(Tags.database)
def same_major_version(databases: list[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warns at each migrate when the server is not of the major version that tests and compose use."""
    found = []
    for alias in databases or []:
        connection = connections[alias]
        connection.ensure_connection()
        major = connection.pg_version // 10_000
        if major != PG_MAJOR:
            message = f"数据库是 PostgreSQL {major}，本系统在 PostgreSQL {PG_MAJOR} 上测试和部署。"
            found.append(Warning(message, hint="请换用同一大版本，或先在副本上跑一遍 make test。", id="lvyuan.W001"))
    return found
