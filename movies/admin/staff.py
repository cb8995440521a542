"""What the admin's pages share: how the history names who is at work, and pages that only show."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin


def actor_of(request: HttpRequest) -> str:
    """`staff:<username>`, as change records have it."""
    return f"staff:{request.user.get_username()}"


class ReadOnlyAdmin(ModelAdmin):
    """Nobody adds, changes or deletes these by a form; what a page lets people do, it does through services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
