"""`python -m tests.bench.staging FILE`: stages a file of figures as the admin's import, in a process of its own.

Prints JSON: the job's id, seconds, and the most memory in MiB that this process and the one that read the file had.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from django.db import connection

    from lvyuan.accounts.models import User
    from lvyuan.imports import actions, pipeline

    path = Path(sys.argv[1])
    admin = User.objects.get(username="admin")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    started = time.perf_counter()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    received = pipeline.Received(path, path.name, path.suffix, digest, path.stat().st_size)
    job, _ = actions.take_file(by=admin, file=received, kind="observations", at_once=True)
    seconds = time.perf_counter() - started
    job.refresh_from_db()
    told = {"job": job.pk, "state": job.state, "counts": job.preview.get("counts"), "refusal": job.refusal}
    for name, who in (("own", resource.RUSAGE_SELF), ("child", resource.RUSAGE_CHILDREN)):
        told[name] = round(resource.getrusage(who).ru_maxrss / 1024, 1)
    print(json.dumps(told | {"seconds": seconds}))


if __name__ == "__main__":
    main()
