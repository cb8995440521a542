"""The admin pages of the inventory; every write goes through movies.inventory.services or a bulk job."""

from movies.admin.history import ChangeAdmin
from movies.admin.inventory import MovieAdmin
from movies.admin.job_pages import JobAdmin

__all__ = ["ChangeAdmin", "JobAdmin", "MovieAdmin"]
