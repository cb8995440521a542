"""The inventory for people who work on it all day; every write goes through movies.inventory.services."""

from movies.admin.history import ChangeAdmin
from movies.admin.inventory import MovieAdmin
from movies.admin.job_pages import JobAdmin

__all__ = ["ChangeAdmin", "JobAdmin", "MovieAdmin"]
