"""Registers the pages of API keys, staff and roles, which stand in `backoffice/access`."""

from tetraflix.backoffice.access import keys, roles, staff

__all__ = ["keys", "roles", "staff"]
