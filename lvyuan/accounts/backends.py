from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend


class AccountBackend(ModelBackend):
    """Passwords, except that local accounts are nobody without LOCAL_ACCOUNTS, even with an old session."""

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and (settings.LOCAL_ACCOUNTS or not user.is_local)
