"""Why a write was refused, in words a person can act on."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied


class Refused(Exception):
    """The domain says no; the text says what to do instead. Nothing was changed."""


class TooLarge(Refused):
    """A file over its limit."""


class Conflict(Refused):
    """Somebody else changed the same thing meanwhile."""


class NotAllowed(PermissionDenied):
    """This person may not do this; the text says why."""
