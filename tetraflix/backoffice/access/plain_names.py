"""Names for models of Django as the menu has them: its pages say "staff", not "users", who are viewers here."""

import copy
from typing import Any

from movies.admin.staff import StaffAdmin


class PlainlyNamed(StaffAdmin):
    """An admin whose pages call the model by names of its own; Django's own names stay in its migrations."""

    verbose_name = ""
    verbose_name_plural = ""

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        self.opts = copy.copy(model._meta)
        self.opts.verbose_name = self.verbose_name
        self.opts.verbose_name_plural = self.verbose_name_plural
