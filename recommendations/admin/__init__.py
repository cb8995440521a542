"""Users and experiments in the Django admin: what a user sees and why, and what an experiment says."""

from recommendations.admin.experiments import ExperimentAdmin
from recommendations.admin.users import UserListsAdmin

__all__ = ["ExperimentAdmin", "UserListsAdmin"]
