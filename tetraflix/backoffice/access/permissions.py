"""Authenticates staff as Django does, and reads their permissions in one statement."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission


class StaffBackend(ModelBackend):
    """Django's backend takes a statement for a person's own permissions and another for those of the roles."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The names of a person's permissions, cached on `user_obj`; none are given for a single `obj`."""
        if user_obj.is_superuser or not user_obj.is_active or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            own, of_roles = (
                found.order_by().values_list("content_type__app_label", "codename")
                for found in (
                    Permission.objects.filter(user=user_obj),
                    Permission.objects.filter(group__user=user_obj),
                )
            )
            user_obj._perm_cache = {f"{app}.{name}" for app, name in own.union(of_roles)}
        return user_obj._perm_cache
