from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with OWASP's smaller setting: a morning rush of sign-ins must not stop the pages.

    19 MiB and 2 passes (OWASP Password Storage Cheat Sheet); Django's default of 100 MiB costs about
    five times the CPU a sign-in.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
