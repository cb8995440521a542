"""The inventory in the Django admin: movies, history, bulk jobs; every write goes through inventory/services.py."""

from movies.admin.history import ChangeAdmin
from movies.admin.inventory import MovieAdmin
from movies.admin.job_pages import JobAdmin

__all__ = ["ChangeAdmin", "JobAdmin", "MovieAdmin"]
