#!/usr/bin/env python
"""Django's command line; without DATABASE_URL it brings up the embedded PostgreSQL first."""

import os
import sys

from lvyuan import embedded

# These run as the role that owns the tables (DATABASE_OWNER_URL), and without the pages' time limits: `migrate` makes
# tables and grants, `load_fixtures` writes published figures past the reporting chain. Everything else, `serve`
# and `local_accounts` included, runs with the rights of the pages' own role.
OWNER_COMMANDS = ("migrate", "load_fixtures")


def main() -> None:
    """Run the command in sys.argv."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lvyuan.settings")
    try:
        embedded.ensure()
        if os.environ.get("LOCAL_ACCOUNTS") == "1":  # one's own machine, even with a database server of its own
            embedded.ensure_secret_key()
    except embedded.EmbeddedError as error:
        sys.exit(str(error))
    if sys.argv[1:2] and sys.argv[1] in OWNER_COMMANDS:
        os.environ["DATABASE_URL"] = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
        os.environ["DATABASE_PATIENT"] = "1"

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # Ctrl-C is no accident to show a traceback for
