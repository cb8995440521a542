"""The table behind the PostgreSQL store, which only recommendations/stores/postgres.py writes, and preferences."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class UserLists(models.Model):
    """Everything kept about one user, in one row, so that the hot read is one look-up by primary key."""

    user_id = models.BigIntegerField(primary_key=True)
    # best first, as recommended; recommended_at is null while no list was ever stored
    recommended: models.Field = ArrayField(models.BigIntegerField(), default=list)
    recommended_at = models.DateTimeField(null=True)
    recommended_by: models.Field = models.TextField(null=True)  # noqa: DJ001 (null: the bus, as for nearly every list)
    # currently watching: three parallel arrays, most recent first
    watching: models.Field = ArrayField(models.BigIntegerField(), default=list)
    progress: models.Field = ArrayField(models.FloatField(), default=list)
    watched_at: models.Field = ArrayField(models.DateTimeField(), default=list)
    # when each was brought back by hand, if it was; null if none was
    brought_back_at: models.Field = ArrayField(models.DateTimeField(null=True), null=True)
    # taken off by hand: [[movie, progress, microseconds since 1970]]
    # finished: [[movie, when, when reported]], with the time to order it by if that is not `when`
    removed = models.JSONField(default=list)
    finished = models.JSONField(default=list)
    # "not for me", latest first; null if nothing is
    dismissed: models.Field = ArrayField(models.BigIntegerField(), null=True)
    updated = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "user lists"
        permissions = [("take_off", "Can take movies off currently watching, and bring them back")]

    def __str__(self) -> str:
        return f"lists of user {self.user_id}"


class ChangedUser(models.Model):
    """A user whose own list is to be made again while `mark` is set; rows stay. recommender/changed_users.py"""

    user_id = models.BigIntegerField(primary_key=True)
    mark = models.BigIntegerField(null=True)  # grows with every finish
    marked_at = models.DateTimeField(null=True)
    recommended_at = models.DateTimeField(null=True)  # when the recommender last looked at the user

    class Meta:
        indexes = [
            models.Index(
                fields=["mark"], condition=models.Q(mark__isnull=False), name="recommendations_marked"
            )
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id}"


class Preferences(models.Model):
    """The genre preferences that a user was given, once; only recommendations/preferences.py writes them."""

    user_id = models.BigIntegerField(primary_key=True)
    weights: models.Field = ArrayField(models.SmallIntegerField())  # as in a movie's profile
    given_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "preferences"
        default_permissions = ()

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"
