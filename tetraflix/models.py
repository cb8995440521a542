"""Tables for running the service: API keys, write limits, kept responses, heartbeats and scheduled tasks."""

from django.db import models


class ApiKey(models.Model):
    """An API key. Only its SHA-256 is stored, which is safe for a random secret of 256 bits."""

    class Role(models.TextChoices):
        """What a key allows besides reading."""

        DISTRIBUTOR = "distributor"  # add, change and remove movies
        SERVICE = "service"  # report sessions and recommendations

    name = models.CharField(max_length=100, help_text="Who holds it.")
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

    class Meta:
        ordering = ["-created"]
        verbose_name = "API key"
        constraints = [
            # the history of changes and the command for revoking identify a key by its name
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(revoked_at=None),
                name="tetraflix_one_living_key_a_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.lookup})"


class KeyUse(models.Model):
    """Writes of one key in one minute, for the rate limit. UNLOGGED, so a crash of the server clears it."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="+")
    minute = models.BigIntegerField()  # since 1970
    calls = models.PositiveIntegerField()

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
