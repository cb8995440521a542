"""Tables for running the service: API keys, write limits, kept responses, heartbeats and scheduled tasks."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone

UNUSED_DAYS = 30  # without a request, after which a key is probably needed by nobody


class ApiKeys(models.QuerySet["ApiKey"]):
    """A selection of API keys."""

    def active(self) -> Self:
        """Those that requests are accepted with."""
        return self.filter(models.Q(ends_at=None) | models.Q(ends_at__gt=timezone.now()), revoked_at=None)

    def unused(self) -> Self:
        """Active keys without a request in the last UNUSED_DAYS."""
        since = timezone.now() - timedelta(days=UNUSED_DAYS)
        return self.active().filter(
            models.Q(last_used__lt=since) | models.Q(last_used=None, created__lt=since)
        )


class ApiKey(models.Model):
    """An API key. Only its SHA-256 is stored, which is safe for a random secret of 256 bits."""

    class Role(models.TextChoices):
        """What a key allows besides reading."""

        DISTRIBUTOR = "distributor"  # add, change and remove movies
        SERVICE = "service"  # report sessions and recommendations

    name = models.CharField(max_length=100, help_text="Its holder, as the history of changes names it.")
    role = models.CharField(max_length=20, choices=Role)
    # the readable part of the key, which identifies it
    lookup = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    # who created and who revoked it, named like the actors of change records; empty if unknown
    created_by = models.CharField(max_length=200, default="", editable=False)
    last_used = models.DateTimeField(null=True, editable=False)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.CharField(max_length=200, default="", editable=False)
    # when a key that was rolled stops being accepted; null for a key without an end
    ends_at = models.DateTimeField(null=True, editable=False)
    # the holder's first key, which this one follows by rolls; null for the first one itself
    first = models.ForeignKey("self", on_delete=models.PROTECT, null=True, editable=False, related_name="+")

    objects = ApiKeys.as_manager()

    class Meta:
        ordering = ["-created"]
        verbose_name = "API key"
        constraints = [
            # The history of changes and the commands identify a key by its name. Only a roll sets `ends_at`, so the
            # second active key of a name is always the old half of a roll.
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(revoked_at=None, ends_at=None),
                name="tetraflix_one_living_key_a_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.lookup})"

    @property
    def holder_id(self) -> int:
        """The id that all keys of one holder share, however often they were rolled."""
        return self.first_id or self.pk

    def ended(self, now: datetime) -> bool:
        """Whether a roll ended this key before that time."""
        return self.ends_at is not None and self.ends_at <= now

    def is_active(self) -> bool:
        """Whether requests are accepted with it."""
        return self.revoked_at is None and not self.ended(timezone.now())

    def unused_for(self) -> timedelta:
        """How long ago the last request with it was; how old the key is, if there was none."""
        return timezone.now() - (self.last_used or self.created)


class KeyUse(models.Model):
    """Writes of one key: its last minute for the rate limit, its last day for people.

    UNLOGGED, so a crash of the server clears it.
    """

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="+")
    minute = models.BigIntegerField()  # since 1970
    calls = models.PositiveIntegerField()  # in that minute
    day = models.IntegerField(db_default=0)  # since 1970, UTC
    calls_in_day = models.PositiveBigIntegerField(db_default=0)

    def __str__(self) -> str:
        return f"{self.calls} writes by key {self.key_id}"


class KeptAnswer(models.Model):
    """The first response to a POST with an Idempotency-Key (see access/idempotency.py)."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=255)  # the Idempotency-Key
    request = models.BinaryField(max_length=32)  # SHA-256 of method, address and body
    status = models.PositiveSmallIntegerField(null=True)  # null until the work is done
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "name"], name="tetraflix_one_answer_a_key")]

    def __str__(self) -> str:
        return f"{self.status} for {self.name}"


class Heartbeat(models.Model):
    """The last heartbeat of a process (tetraflix/background/heartbeats.py)."""

    name = models.CharField(
        max_length=100, primary_key=True
    )  # may contain a queue's name of up to 80 characters
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class ScheduledTask(models.Model):
    """When a scheduled task was last sent, by the database's clock (tetraflix/background/schedule.py)."""

    name = models.CharField(max_length=200, primary_key=True)
    sent_at = models.DateTimeField()
    waiting_since = models.DateTimeField(null=True)  # when it was sent; null when it is done

    def __str__(self) -> str:
        return f"{self.name}, sent at {self.sent_at:%Y-%m-%d %H:%M:%S}"
