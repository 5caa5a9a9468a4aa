"""The data version as approvals move it (lvyuan/audit/models.py), so that no page can be answered from a cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from lvyuan.audit.triggers import VERSION_TABLE

BUMP = f"UPDATE {VERSION_TABLE} SET steps = steps + 1"
_KEPT = f"{VERSION_TABLE}_kept"


@contextmanager
def always_new(owner_url: str) -> Iterator[None]:
    """Within the block whoever reads the data version gets one that nobody has read before.

    For requests at the same time. A step before each request would leave a gap there: a request that waits in the
    server's queue meets the version at which another has just finished, and could take over what that one computed.
    So the table is a view meanwhile that adds the microseconds of the clock, which costs a reader next to nothing.
    Nothing can be approved meanwhile.
    """
    with psycopg.connect(owner_url) as owner:
        owner.execute(f"ALTER TABLE {VERSION_TABLE} RENAME TO {_KEPT}")
        owner.execute(
            f"CREATE VIEW {VERSION_TABLE} AS SELECT id, model,"
            f" steps + (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS steps FROM {_KEPT}"
        )
        owner.execute(f"GRANT SELECT ON {VERSION_TABLE} TO PUBLIC")
    try:
        yield
    finally:
        with psycopg.connect(owner_url) as owner:
            owner.execute(f"DROP VIEW {VERSION_TABLE}")
            owner.execute(f"ALTER TABLE {_KEPT} RENAME TO {VERSION_TABLE}")
