"""Pages that call a model of Django as the menu does: "staff", because users are viewers here, and "roles"."""

import copy
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse

from movies.staff_pages.staff_admin import StaffAdmin


class PlainlyNamed(StaffAdmin):
    """An admin whose pages call the model by names of its own; Django's own names stay in its migrations."""

    verbose_name = ""
    verbose_name_plural = ""

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        self.opts = copy.copy(model._meta)
        self.opts.verbose_name = self.verbose_name
        self.opts.verbose_name_plural = self.verbose_name_plural

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        changelist.opts = self.opts
        return changelist

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With one button for saving."""
        one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one, *args, **kwargs)
