"""How many queries pages take, in a process of its own: `python -m tests.bench.queries`, JSON in and out.

In: {"paths": […], "cookie": …}. Out: {path: queries}. Each page is asked for twice and the data version moved in
between, so that the second time computes everything with warm templates.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    import django

    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tests.bench.version import BUMP

    asked = json.load(sys.stdin)
    client = Client()
    client.cookies.load(asked["cookie"])
    found = {}
    for path in asked["paths"]:
        client.get(path)
        with connection.cursor() as cursor:
            cursor.execute(BUMP)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200, path
        found[path] = len(queries)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
